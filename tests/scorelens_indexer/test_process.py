"""The indexer as a real process on the real embedded store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from scorelens.v1.store_admin_pb2 import AnnotateRequest, ForgetRequest, ListDeadLettersRequest
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_store.contract import Selection
from scorelens_store.open import open_reader
from scorelens_store.query.parse import parse
from tests.scorelens_indexer.running import Client, client_of, failure_of
from tests.scorelens_indexer.spans import document, export

PROGRAM = (sys.executable, "-m", "scorelens_runtime", "indexer")


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """Return a supervisor whose children end with the test."""
    supervisor = Supervisor()
    yield supervisor
    supervisor.stop()


def start(supervisor: Supervisor, folder: Path, *words: str, listen: str = "127.0.0.1:0") -> Child:
    """Start an indexer and wait until it serves."""
    command = [*PROGRAM, "--listen", listen, "--folder", str(folder / "indexer"), "--store", str(folder / "store")]
    child = Child("indexer", [*command, *words])
    supervisor.start(child)
    return child


@contextmanager
def process_of(child: Child) -> Iterator[subprocess.Popen[bytes]]:
    """Return a child's process and wait for its end."""
    assert child.process is not None
    yield child.process
    child.process.wait(60)


def found(folder: Path, query: str = "*:*") -> int:
    """Count records as any other process would."""
    reader = open_reader(folder / "store")
    try:
        return reader.count(Selection(parse(query)))
    finally:
        reader.close()


def send(address: str, numbers: range, size: int) -> None:
    """Send documents as a shipper does: what was not acknowledged is sent again until it is."""
    with client_of(address) as client:
        for first in numbers[::size]:
            request = export(*(document(number) for number in numbers if first <= number < first + size))
            while not _acknowledged(client, request):
                pass


def _acknowledged(client: Client, request: object) -> bool:
    try:
        client.export(request)
    except grpc.RpcError as error:
        return bool(error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED))
    return True


def test_what_is_acknowledged_is_found(supervisor: Supervisor, tmp_path: Path) -> None:
    """As soon as an export is answered, another process finds its records by text, score and reason."""
    child = start(supervisor, tmp_path)
    with client_of(child.ready["address"]) as client:
        client.export(export(*(document(number, terms=3) for number in range(1, 51))))
        assert found(tmp_path) == 50
        assert found(tmp_path, "refund AND id:d-7") == 1
        assert found(tmp_path, 'score.tag0:>0.3 AND because:"tag1:word 0"') == 50
        [record_id] = {document(7).attributes[2].value.string_value}
        request = AnnotateRequest(record_id=record_id)
        request.labels["verdict"] = "wrong"
        client.admin.Annotate(request)
        assert found(tmp_path, "label.verdict:wrong") == 1
        assert client.admin.Forget(ForgetRequest(document_ids=["d-7"])).records == 1
        client.export(export(document(7)))
        assert found(tmp_path) == 49
        account = client.account()
        assert (account.received, account.stored, account.forgotten) == (51, 50, 1)
        assert account.store_available
        assert str(tmp_path / "store") in account.store


@pytest.mark.timeout(120)
def test_kill_9_in_the_middle_of_a_load(supervisor: Supervisor, tmp_path: Path) -> None:
    """However often the indexer is killed, every document is stored exactly once and the account adds up."""
    child = start(supervisor, tmp_path)
    address = child.ready["address"]
    senders = [
        threading.Thread(target=send, args=(address, range(first, first + 300), 10), daemon=True)
        for first in (0, 300, 600)
    ]
    for sender in senders:
        sender.start()
    for goal in (60, 200, 400):
        with client_of(address) as client:
            while client.account().stored < goal:
                pass
        with process_of(child) as process:
            process.send_signal(signal.SIGKILL)
        supervisor.children.remove(child)
        child = start(supervisor, tmp_path, listen=address)
    for sender in senders:
        sender.join(60)
    assert found(tmp_path) == 900
    with client_of(address) as client:
        account = client.account()
    assert account.stored <= 900 <= account.stored + account.duplicates
    assert account.received == account.stored + account.duplicates + account.refused
    with process_of(child) as process:
        process.send_signal(signal.SIGKILL)
    supervisor.children.remove(child)
    child = start(supervisor, tmp_path)
    with client_of(child.ready["address"]) as client:
        assert client.account().received == account.received


def test_dead_letters_survive_kill_9(supervisor: Supervisor, tmp_path: Path) -> None:
    """An acknowledged dead letter is listed after a kill -9, and a resend does not list it again."""
    bad = export(document(1, {"scorelens.tag.selected": None}))
    for _ in range(2):
        child = start(supervisor, tmp_path)
        with client_of(child.ready["address"]) as client:
            assert client.export(bad).partial_success.rejected_spans == 1
            assert len(client.admin.ListDeadLetters(ListDeadLettersRequest()).dead_letters) == 1
        with process_of(child) as process:
            process.send_signal(signal.SIGKILL)
        supervisor.children.remove(child)


def test_sigterm_ends_cleanly(supervisor: Supervisor, tmp_path: Path) -> None:
    """Told to end, the indexer ends with status 0 and its store can be written to by the next one."""
    child = start(supervisor, tmp_path)
    with process_of(child) as process:
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    supervisor.children.remove(child)
    start(supervisor, tmp_path)


def refused_start(*words: str, **environment: str) -> str:
    """Return the one line that a start ends with instead of serving."""
    ended = subprocess.run(
        [*PROGRAM, *words], env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode in (1, 2)
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_a_second_indexer_is_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    """A second indexer on the same folder, or on the same store, is refused with one line that names it."""
    start(supervisor, tmp_path)
    store = str(tmp_path / "store")
    same_folder = refused_start("--folder", str(tmp_path / "indexer"), "--store", store, "--listen", "127.0.0.1:0")
    assert f"another indexer is running on {tmp_path / 'indexer'}" in same_folder
    assert store in refused_start("--folder", str(tmp_path / "other"), "--store", store, "--listen", "127.0.0.1:0")


def test_a_store_without_its_scheme_is_refused(tmp_path: Path) -> None:
    """The address of a server is not taken for the name of a folder."""
    said = refused_start("--folder", str(tmp_path / "a"), "--store", "localhost:9200")
    assert "--store" in said
    assert "http://localhost:9200" in said


def test_a_taken_address_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    """An address that is in use stops the start and is named."""
    address = start(supervisor, tmp_path).ready["address"]
    said = refused_start("--folder", str(tmp_path / "b"), "--store", str(tmp_path / "c"), "--listen", address)
    assert "--listen" in said
    assert address in said


@pytest.mark.parametrize(
    ("words", "environment", "named"),
    [
        (["--listen", "nowhere"], {}, "--listen (SCORELENS_INDEXER_LISTEN)"),
        (["--max-message", "big"], {}, "--max-message"),
        ([], {"SCORELENS_INDEXER_BATCH_RECORDS": "0"}, "SCORELENS_INDEXER_BATCH_RECORDS"),
        (["--folder", "/proc/nothing"], {}, "--folder"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, words: list[str], environment: dict[str, str], named: str) -> None:
    """A wrong setting stops the start with one line that names it."""
    assert named in refused_start(*words, SCORELENS_HOME=str(tmp_path), **environment)


def test_elasticsearch_may_be_away_at_the_start(
    supervisor: Supervisor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without its store the indexer starts, has senders keep their spans, says so, and tells nobody the password."""
    child = start(supervisor, tmp_path, "--store", "http://me:s3cret@127.0.0.1:9")
    with client_of(child.ready["address"]) as client:
        away = failure_of(lambda: client.export(export(document(1))))
        assert away.code is grpc.StatusCode.UNAVAILABLE
        assert away.retry_after
        account = client.account()
        assert (account.refused, account.store_available) == (1, False)
        assert "127.0.0.1:9" in account.store
    shown = capfd.readouterr().err + account.store + away.details + str(child.ready)
    assert "127.0.0.1:9" in shown
    assert "s3cret" not in shown


def test_oversize_exports_are_to_be_split(supervisor: Supervisor, tmp_path: Path) -> None:
    """An export above the limit is RESOURCE_EXHAUSTED without a time to wait, which asks to split it."""
    child = start(supervisor, tmp_path, "--max-message", "100KB")
    with client_of(child.ready["address"]) as client:
        big = failure_of(lambda: client.export(export(*map(document, range(200)))))
        assert (big.code, big.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)
        client.export(export(*map(document, range(10))))
