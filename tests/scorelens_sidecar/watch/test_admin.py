"""The admin port of a real sidecar: its readiness through its life, its metrics, and that nothing is asked upstream."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest

from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.watch.metrics import METRICS
from tests.end_to_end.processes import Component, wait_until
from tests.scorelens_runtime.metrics.receiving import receiving
from tests.scraping import assert_defined, get, is_ready, objection, scrape, value

METHOD = "/example.Echo/Say"
DESTINATION = "http://127.0.0.1:1"
ALL = "scorelens_sidecar_records_"


class Upstream:
    """A gRPC server that answers as a call says, and counts the connections that reach it."""

    def __init__(self) -> None:
        self.hold = threading.Event()
        self.entered = threading.Event()
        handler: Any = grpc.unary_unary_rpc_method_handler(self._say)
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("example.Echo", {"Say": handler}),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def _say(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        if request == b"wait":
            self.entered.set()
            assert self.hold.wait(60)
        if request == b"refuse":
            context.abort(grpc.StatusCode.NOT_FOUND, "as asked")
        return request

    def close(self) -> None:
        """End."""
        self.hold.set()
        self._server.stop(None).wait()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Serve what is behind the sidecar."""
    with closing(Upstream()) as server:
        yield server


class Sidecar(Component):
    """A sidecar with an admin port; its receiver is away."""

    def __init__(self, folder: Path, upstream: str, *flags: str) -> None:
        own = ("--upstream", upstream, "--otlp", "127.0.0.1:1", "--folder", str(folder / "sidecar"), "--drain", "5s")
        super().__init__(folder, "scorelens_sidecar", *own, "--admin", "127.0.0.1:0", *flags)
        self.folder = folder / "sidecar"

    @property
    def admin(self) -> str:
        """Where its admin port is."""
        served = [json.loads(line) for line in self.said().splitlines() if '"admin"' in line]
        return str(served[-1]["admin"])

    def call(self, text: bytes = b"x") -> None:
        """Make a call."""
        with grpc.insecure_channel(self.address) as channel:
            say: Any = channel.unary_unary(METHOD)
            say(text, timeout=30, wait_for_ready=True)


@pytest.fixture
def sidecar(tmp_path: Path, upstream: Upstream) -> Iterator[Sidecar]:
    """Run a sidecar."""
    running = Sidecar(tmp_path, upstream.address)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_metrics_tell_the_account(sidecar: Sidecar) -> None:
    """Every record is counted for each destination; names, kinds and labels are those of the definitions."""
    for _ in range(3):
        sidecar.call()
    wait_until(lambda: value(scrape(sidecar.admin), f"{ALL}seen_total", destination=DESTINATION) == 3, "all is seen")
    wait_until(
        lambda: value(scrape(sidecar.admin), f"{ALL}acknowledged_total", destination="calculation-log") == 3,
        "the calculation log has them",
    )
    found = scrape(sidecar.admin)
    assert_defined(found, METRICS)
    assert value(found, f"{ALL}spooled", destination=DESTINATION) == 3
    assert value(found, f"{ALL}dropped_total", destination=DESTINATION) == 0
    assert value(found, "scorelens_sidecar_account_adds_up", destination=DESTINATION) == 1
    assert value(found, "scorelens_sidecar_spool_oldest_age_seconds", destination=DESTINATION) > 0
    assert value(found, "scorelens_sidecar_spool_waiting_bytes", destination=DESTINATION) > 0
    assert value(found, "scorelens_sidecar_spool_used_bytes") > 0
    assert value(found, "scorelens_sidecar_spool_quota_bytes") == 4 * 2**30
    assert value(found, "scorelens_sidecar_relay_up") == 1
    assert value(found, "scorelens_sidecar_upstream_reached") == 1
    wait_until(lambda: states(sidecar, DESTINATION)["delivering"] == 0, "the receiver that is away is told")
    assert sum(states(sidecar, DESTINATION).values()) == 1
    assert states(sidecar, "calculation-log") == {"delivering": 1, "waiting": 0, "alarm": 0}


def states(sidecar: Sidecar, destination: str) -> dict[str, float]:
    """Return the state of a destination as the metrics tell it."""
    found = scrape(sidecar.admin)["scorelens_sidecar_destination_state"].samples
    return {each.labels["state"]: each.value for each in found if each.labels["destination"] == destination}


def test_calls_are_counted_by_method_and_status(sidecar: Sidecar) -> None:
    """The shipper counts what it reads: calls by method, status and time; methods that nobody serves are one."""
    sidecar.call()
    sidecar.call()
    for method, text in ((METHOD, b"refuse"), ("/example.Echo/Nonsense1", b""), ("/example.Other/Nonsense2", b"")):
        with grpc.insecure_channel(sidecar.address) as channel:
            call: Any = channel.unary_unary(method)
            with pytest.raises(grpc.RpcError):
                call(text, timeout=30)
    count = "scorelens_sidecar_call_duration_seconds_count"
    wait_until(lambda: value(scrape(sidecar.admin), count) == 5, "all calls are counted")
    found = scrape(sidecar.admin)
    assert_defined(found, METRICS)
    assert {
        (each.labels["method"], each.labels["status"]): each.value
        for each in found["scorelens_sidecar_call_duration_seconds"].samples
        if each.name == count
    } == {
        ("example.Echo/Say", "OK"): 2,
        ("example.Echo/Say", "NOT_FOUND"): 1,
        ("other", "UNIMPLEMENTED"): 2,
    }
    assert value(found, "scorelens_sidecar_call_duration_seconds_sum", status="OK") > 0


def test_the_process_that_watches_needs_no_grpc() -> None:
    """What shows the metrics loads neither gRPC nor protobuf, unless it sends them by OTLP."""
    text = (
        "import sys, scorelens_sidecar.watch.__main__, scorelens_runtime.metrics.export\n"
        "import scorelens_runtime.admin.server\n"
        "print(*[m for m in sys.modules if m in ('grpc', 'google.protobuf')])"
    )
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_ready_follows_the_relay(sidecar: Sidecar) -> None:
    """Ready while the relay answers; a relay that is stopped is not, and nor is one that is gone, until it is back."""
    wait_until(lambda: is_ready(sidecar.admin), "the sidecar is ready")
    relay = sidecar.child("scorelens_sidecar.relay")
    relay.suspend()
    assert objection(sidecar.admin) == "the relay does not answer"
    assert get(sidecar.admin, "/livez")[0] == 200
    assert value(scrape(sidecar.admin), "scorelens_sidecar_relay_up") == 0
    relay.resume()
    wait_until(lambda: is_ready(sidecar.admin), "the sidecar is ready again")
    sidecar.kill_child("scorelens_sidecar.relay")
    wait_until(lambda: is_ready(sidecar.admin), "the next relay is ready")


def test_the_scorer_is_not_asked(tmp_path: Path) -> None:
    """Probes and scrapes open no connection upstream: a sidecar is ready before the server behind it is there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        running = Sidecar(tmp_path, f"127.0.0.1:{listening.getsockname()[1]}")
        try:
            running.start()
            wait_until(lambda: is_ready(running.admin), "the sidecar is ready")
            scrape(running.admin)
            with pytest.raises(BlockingIOError):
                listening.accept()
        finally:
            running.stop()


def test_not_ready_from_the_moment_it_drains(sidecar: Sidecar, upstream: Upstream) -> None:
    """On SIGTERM readiness ends at once, while a call in flight ends as it should and the process lives."""
    wait_until(lambda: is_ready(sidecar.admin), "the sidecar is ready")
    admin = sidecar.admin
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(sidecar.call, b"wait")
        assert upstream.entered.wait(30)
        assert sidecar.process
        sidecar.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_ready(admin), "the sidecar is not ready any more")
        assert objection(admin) == "draining"
        assert get(admin, "/livez")[0] == 200
        assert not call.done()
        upstream.hold.set()
        call.result()
    assert sidecar.process.wait(30) == 0


@pytest.mark.heavy
def test_the_admin_port_survives_its_process(sidecar: Sidecar) -> None:
    """Kill -9 of the process that watches leaves relay and shipper alone; another takes the port over."""
    relay, shipper = (sidecar.child(f"scorelens_sidecar.{name}").pid for name in ("relay", "shipper"))
    sidecar.call()
    sidecar.kill_child("scorelens_sidecar.watch")
    wait_until(lambda: is_ready(sidecar.admin), "the port answers again")
    wait_until(lambda: value(scrape(sidecar.admin), f"{ALL}seen_total") >= 1, "the account is there as before")
    assert relay == sidecar.child("scorelens_sidecar.relay").pid
    assert shipper == sidecar.child("scorelens_sidecar.shipper").pid


@pytest.mark.heavy
def test_a_spool_that_is_gone_is_told(sidecar: Sidecar) -> None:
    """Without the spool's folder the sidecar is not ready, and says why."""
    wait_until(lambda: is_ready(sidecar.admin), "the sidecar is ready")
    folder = relay_folder(sidecar.folder)
    folder.rename(folder.with_name("away"))
    assert objection(sidecar.admin) == "the spool is not writable: No such file or directory"
    folder.with_name("away").rename(folder)
    assert is_ready(sidecar.admin)


@pytest.mark.heavy
@pytest.mark.parametrize(("mode", "reason"), [("best-effort", ""), ("required", "the spool is full")])
def test_a_full_spool_matters_where_records_are_required(
    tmp_path: Path, upstream: Upstream, mode: str, reason: str
) -> None:
    """With its quota used up, a sidecar that must record is not ready; one that need not is ready."""
    running = Sidecar(tmp_path, upstream.address, "--spool-bytes", "64KiB", "--mode", mode)
    try:
        running.start()
        wait_until(lambda: is_ready(running.admin), "the sidecar is ready")
        segment = max(relay_folder(running.folder).glob("*.segment"), key=lambda path: path.name)
        os.truncate(segment, 70 * 2**10)  # a hole takes no disk and counts as bytes
        assert objection(running.admin).startswith(reason)
        assert is_ready(running.admin) is (not reason)
    finally:
        running.stop()


@pytest.mark.heavy
def test_metrics_by_otlp_need_no_port(tmp_path: Path, upstream: Upstream) -> None:
    """A receiver of metrics alone has the sidecar watched, and gets the last values when it ends."""
    with receiving() as receiver:
        running = Sidecar(tmp_path, upstream.address, "--metrics-otlp", receiver.address)
        running.arguments[running.arguments.index("--admin") + 1] = ""
        try:
            running.start()
            running.call()
        finally:
            running.stop()
        assert {"scorelens.sidecar.records.seen", "scorelens.sidecar.relay.up"} <= receiver.names()
