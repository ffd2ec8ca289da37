"""Real clients and servers with a real relay between them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from scorelens_sidecar.captured import NO_STATUS, End, Part
from scorelens_sidecar.relay.__main__ import LISTEN_FD
from tests.scorelens_sidecar.relay.processes import RunningRelay, relay, request, scorer, until

FULL = (("scorelens-view", "full"),)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """A scorer for all tests of this file."""
    with scorer() as address:
        yield address


@pytest.fixture
def running(tmp_path: Path, upstream: str) -> Iterator[RunningRelay]:
    """A relay in front of it."""
    with relay(tmp_path, upstream) as started:
        yield started


@pytest.fixture
def stub(running: RunningRelay) -> Iterator[scorer_pb2_grpc.ScorerStub]:
    """A client of the relay."""
    with running.channel() as channel:
        yield scorer_pb2_grpc.ScorerStub(channel)


def test_a_call_is_lean_for_its_caller_and_full_in_its_record(
    running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub
) -> None:
    """The record is on disk when the answer arrives; a caller that asks gets the calculations."""
    answer = stub.Score(request("calculations=500", 3))
    assert len(answer.results) == 3
    assert not answer.HasField("calculations")
    (record,) = running.records()
    kept = scorer_pb2.ScoreResponse.FromString(record.answer)
    assert len(kept.calculations.documents) == 3
    assert scorer_pb2.ScoreRequest.FromString(record.request) == request("calculations=500", 3)
    assert (record.part, record.end, record.status) == (Part.UNARY, End.ANSWERED, 0)
    assert record.user_agent.startswith(b"grpc-python")
    assert stub.Score(request("", 3), metadata=FULL).HasField("calculations")


def test_a_stream_gives_each_answer_as_it_is_made(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """A bidirectional call answers message by message, and records the same way."""
    ready = threading.Semaphore(1)

    def requests() -> Iterator[scorer_pb2.ScoreRequest]:
        for number in range(20):
            ready.acquire()
            yield request(f"calculations={number * 100 + 1}")

    for answer in stub.ScoreStream(requests()):
        assert not answer.HasField("calculations")
        ready.release()
    until(lambda: len(running.records()) == 21)
    records = running.records()
    assert [record.message_number for record in records[:20]] == list(range(20))
    assert (records[-1].part, records[-1].answer_messages, records[-1].status) == (Part.CLOSING, 20, 0)


def test_64_answers_of_3_mb_at_once(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """Large answers on one connection neither stick nor lose anything."""
    with ThreadPoolExecutor(64) as pool:
        calls = [pool.submit(stub.Score, request("calculations=400000 results=600000"), timeout=60) for _ in range(64)]
        answers = [call.result() for call in calls]
    assert all(len(answer.results[0].tags[0].tag) == 600000 for answer in answers)
    assert not any(answer.HasField("calculations") for answer in answers)


def test_a_slow_reader_stops_the_server_and_not_the_relay(
    running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub
) -> None:
    """Answers that nobody reads stay with the server, by flow control; other calls go on."""
    call = stub.ScoreStream(iter([request("results=300000")] * 300))
    next(call)
    before = psutil.Process(running.pid).memory_info().rss
    for _ in range(20):
        stub.Score(request())
    assert psutil.Process(running.pid).memory_info().rss - before < 100 * 2**20
    assert sum(1 for _ in call) == 299


@pytest.mark.parametrize("status", [3, 5, 8, 14])
def test_statuses_pass_and_are_recorded(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub, status: int) -> None:
    """An error of the server reaches the caller with its text."""
    with pytest.raises(grpc.RpcError) as raised:
        stub.Score(request(f"abort={status}"))
    assert raised.value.code().value[0] == status
    assert raised.value.details() == "as asked"
    assert running.records()[0].status == status


def test_deadlines_and_cancellations_are_recorded(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """A call that its caller gives up is recorded with its request and no answer."""
    with pytest.raises(grpc.RpcError) as raised:
        stub.Score(request("sleep=2"), timeout=0.2)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    call = stub.Score.future(request("sleep=1"))
    time.sleep(0.1)  # let it get under way; a call that is cancelled before is none
    call.cancel()
    until(lambda: len(running.records()) == 2)
    for record in running.records():
        assert record.request
        assert not record.answer
        assert record.end in (End.RESET_BY_CLIENT, End.RESET_BY_SERVER, End.ANSWERED)


def test_large_headers_pass(running: RunningRelay, upstream: str) -> None:
    """Metadata larger than a frame travels in CONTINUATION frames, with the field added."""
    with running.channel(("grpc.max_metadata_size", 10**6)) as channel:
        metadata = tuple((f"x-{number}", "v" * 1000) for number in range(7))
        answer = scorer_pb2_grpc.ScorerStub(channel).Score(request("calculations=9"), metadata=metadata)
    assert not answer.HasField("calculations")
    assert b"secret" in running.records()[0].answer


@pytest.mark.parametrize("size", [10, 10000])
def test_compressed_requests_and_answers(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub, size: int) -> None:
    """A compressed request is recorded as it came; a compressed answer reaches the caller lean."""
    asked = request(f"compress=1 calculations={size} results={size}", 50)
    answer = stub.Score(asked, compression=grpc.Compression.Gzip)
    assert len(answer.results[0].tags[0].tag) == size
    assert not answer.HasField("calculations")
    (record,) = running.records()
    assert record.request_encoding == record.answer_encoding == b"gzip"


def test_a_withheld_answer_spares_the_connection(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """An answer that cannot be let through fails its call alone."""
    for _ in range(3):
        with pytest.raises(grpc.RpcError) as raised:
            stub.Score(request("broken=1"))
        assert raised.value.code() is grpc.StatusCode.INTERNAL
        assert stub.Score(request()).results
    assert [record.end for record in running.records()] == [End.WITHHELD, End.ANSWERED] * 3


def test_a_refused_call_spares_the_connection(tmp_path: Path, upstream: str) -> None:
    """In required mode a call without room is refused, and a later one on the same connection served."""
    with (
        relay(
            tmp_path, upstream, "--mode", "required", "--spool-bytes", "200KiB", "--segment-bytes", "64KiB"
        ) as running,
        running.channel() as channel,
    ):
        stub = scorer_pb2_grpc.ScorerStub(channel)
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(stub.Score, request("sleep=0.3")) for _ in range(8)]
            codes = [error.code() if isinstance(error := call.exception(), grpc.RpcError) else None for call in calls]
        assert set(codes) == {None, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert stub.Score(request()).results


def test_health_passes_unrecorded(running: RunningRelay) -> None:
    """A health check reaches the server and leaves no record."""
    with running.channel() as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert running.records() == []


def test_an_upstream_that_is_away_makes_calls_unavailable_until_it_is_back(tmp_path: Path) -> None:
    """Calls fail fast with UNAVAILABLE, and succeed on the same channel once the server is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with relay(tmp_path, f"127.0.0.1:{port}") as running, running.channel() as channel:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            stub.Score(request(), timeout=20)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (running.records()[0].end, running.records()[0].status) == (End.REFUSED, 14)
        with scorer(port):
            until(lambda: _answers(stub))
        until(lambda: not _answers(stub))


def test_callers_wait_for_an_upstream_that_starts_again(tmp_path: Path) -> None:
    """With --upstream-wait a call that arrives while the server is away is answered once it is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with relay(tmp_path, f"127.0.0.1:{port}", "--upstream-wait", "60s") as running, running.channel() as channel:
        call = scorer_pb2_grpc.ScorerStub(channel).Score.future(request(), timeout=60)
        until(lambda: _has_caller(running))
        with scorer(port):
            assert call.result().results
        until(lambda: [record.end for record in running.records()] == [End.ANSWERED])


def test_nobody_waits_for_an_upstream_while_the_relay_drains(tmp_path: Path) -> None:
    """A caller that waits for the server is let go when the relay ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with relay(tmp_path, f"127.0.0.1:{port}", "--upstream-wait", "600s") as running, running.channel() as channel:
        call = scorer_pb2_grpc.ScorerStub(channel).Score.future(request(), timeout=60)
        until(lambda: _has_caller(running))
        os.kill(running.pid, signal.SIGTERM)
        error = call.exception()
        assert isinstance(error, grpc.RpcError)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert running.child.process is not None
        assert running.child.process.wait(30) == 0


def _has_caller(running: RunningRelay) -> bool:
    port = int(running.address.rpartition(":")[2])
    connections = psutil.Process(running.pid).net_connections()
    return any(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port for each in connections)


def _answers(stub: scorer_pb2_grpc.ScorerStub) -> bool:
    try:
        return bool(stub.Score(request(), timeout=5).results)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False


def test_sigterm_lets_calls_in_flight_end(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """A call under way is answered while the relay drains; then it ends with status 0."""
    stub.Score(request())
    call = stub.Score.future(request("sleep=1"))
    time.sleep(0.2)
    os.kill(running.pid, signal.SIGTERM)
    assert call.result(20).results
    assert running.child.process is not None
    assert running.child.process.wait(20) == 0
    assert [record.end for record in running.records()] == [End.ANSWERED] * 2


def test_what_does_not_end_in_the_drain_time_is_recorded_as_lost(tmp_path: Path, upstream: str) -> None:
    """A call that outlasts the drain time fails with a retryable status and is recorded."""
    with relay(tmp_path, upstream, "--drain", "200ms") as running, running.channel() as channel:
        call = scorer_pb2_grpc.ScorerStub(channel).Score.future(request("sleep=3"))
        time.sleep(0.5)
        os.kill(running.pid, signal.SIGTERM)
        error = call.exception(20)
        assert isinstance(error, grpc.RpcError)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert running.child.process is not None
        running.child.process.wait(20)
        (record,) = running.records()
        assert (record.end, record.status) == (End.CONNECTION_LOST, NO_STATUS)


def test_an_inherited_socket_outlives_the_relay(tmp_path: Path, upstream: str) -> None:
    """Callers that connect while no relay runs are served by the next one."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        environment = {LISTEN_FD: str(listening.fileno())}
        with relay(tmp_path, upstream, environment=environment) as first:
            with first.channel() as channel:
                scorer_pb2_grpc.ScorerStub(channel).Score(request())
            os.kill(first.pid, signal.SIGKILL)
            assert first.child.process is not None
            first.child.process.wait()
            with first.channel() as channel:
                call = scorer_pb2_grpc.ScorerStub(channel).Score.future(request(), timeout=30)
                with relay(tmp_path, upstream, environment=environment) as second:
                    assert call.result().results
                    assert len(second.records()) == 2


def test_what_is_not_http2_harms_nobody(running: RunningRelay, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """Rubbish on one connection is turned away while others go on."""
    host, port = running.address.split(":")
    for rubbish in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2,
        os.urandom(4000),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
    ):
        with socket.create_connection((host, int(port))) as peer:
            peer.settimeout(20)
            peer.sendall(rubbish)
            while True:
                try:
                    if not peer.recv(4096):
                        break
                except ConnectionResetError:
                    break
    assert stub.Score(request()).results


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--tls-certificate", __file__], "--tls-"),
        (["--tls-certificate", __file__, "--tls-key", __file__], "--tls-certificate"),
        (["--listen", "192.0.2.1:1"], "--listen"),
        (["--upstream", "https://127.0.0.1:1", "--upstream-ca", __file__], "--upstream-ca"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(tmp_path: Path, flags: list[str], named: str) -> None:
    """What cannot work is told at the start, by the setting's name."""
    command = [sys.executable, "-m", "scorelens_sidecar.relay", "--listen", "127.0.0.1:0", "--folder", str(tmp_path)]
    ended = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert named in ended.stderr


def test_both_sides_may_be_encrypted(tmp_path: Path) -> None:
    """Callers and the upstream are reached over TLS with their certificates verified, and HTTP/2 agreed upon."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*make, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    own = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    flags = ["--tls-certificate", str(certificate), "--tls-key", str(key), "--upstream-ca", str(certificate)]
    with scorer(credentials=own) as address:
        upstream = "https://" + address.replace("127.0.0.1", "localhost")
        with relay(tmp_path / "sidecar", upstream, *flags) as running:
            trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
            with grpc.secure_channel(running.address.replace("127.0.0.1", "localhost"), trusted) as channel:
                answer = scorer_pb2_grpc.ScorerStub(channel).Score(request("calculations=50000"), timeout=20)
                assert not answer.HasField("calculations")
        with relay(tmp_path / "other", upstream, *flags[:4]) as running:
            channel = grpc.secure_channel(running.address.replace("127.0.0.1", "localhost"), trusted)
            with channel, pytest.raises(grpc.RpcError) as raised:
                scorer_pb2_grpc.ScorerStub(channel).Score(request(), timeout=20)
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
