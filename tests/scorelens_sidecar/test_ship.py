"""`scorelens ship` as a process: the folder of a sidecar that is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.folders import LOCK, Lock, relay_folder
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.shipper.conftest import Receiver, refuse, settings_for, spool, until
from tests.scorelens_sidecar.shipper.test_shipping import ids_of
from tests.scorelens_sidecar.spans.calls import media_document, scored_call

Start = Callable[..., "subprocess.Popen[str]"]
CALLS = [scored_call(number, media_document(number)) for number in range(40)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a sidecar."""
    return tmp_path / "sidecar"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that serves."""
    served = Receiver()
    served.start()
    yield served
    served.stop()


@pytest.fixture
def ship(folder: Path, receiver: Receiver) -> Iterator[Start]:
    """Start `scorelens ship` on the folder."""
    processes: list[subprocess.Popen[str]] = []

    def run(*flags: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "scorelens_runtime", "ship", "--folder", str(folder), "--poll", "5ms"]
        command += ["--otlp", f"127.0.0.1:{receiver.port}", "--spool-age", "99999d", "--log-bytes", "0", *flags]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def test_sends_all_that_is_there_and_ends(folder: Path, receiver: Receiver, ship: Start) -> None:
    """Every record of every relay arrives, the accounts add up, and the status is 0."""
    spool(folder, CALLS[:25])
    spool(folder, CALLS[25:], relay=1)
    process = ship()
    said, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert set(receiver.accepted) == ids_of(CALLS)
    assert "25 records acknowledged" in said
    assert "15 records acknowledged" in said
    for relay in (0, 1):
        assert [(each.spooled, each.adds_up) for each in read_account(relay_folder(folder, relay))] == [(0, True)]


def test_again_it_has_nothing_to_do(folder: Path, receiver: Receiver, ship: Start) -> None:
    """A second run sends nothing twice."""
    spool(folder, CALLS)
    for _ in range(2):
        process = ship()
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert set(receiver.accepted.values()) == {1}


def test_what_a_kill_left_uncounted_is_sent_as_well(folder: Path, receiver: Receiver, ship: Start) -> None:
    """Records that were written and not counted any more, when a node was lost, arrive too."""
    writer = SpoolWriter(relay_folder(folder), settings_for(folder))
    assert writer.append(CALLS[:10])
    account = relay_folder(folder) / "account"
    before = account.read_bytes()
    assert writer.append(CALLS[10:])
    writer.close()
    account.write_bytes(before)
    process = ship()
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert set(receiver.accepted) == ids_of(CALLS)


def test_waits_for_a_receiver_that_is_away(folder: Path, receiver: Receiver, ship: Start) -> None:
    """While the receiver answers UNAVAILABLE it goes on trying, and ends when everything has arrived."""
    spool(folder, CALLS)
    receiver.always = refuse(grpc.StatusCode.UNAVAILABLE, retry_after=0.01)
    process = ship()
    until(lambda: len(receiver.exports) > 3)
    assert process.poll() is None
    receiver.always = None
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert set(receiver.accepted) == ids_of(CALLS)


def test_told_to_end_it_says_what_is_left(folder: Path, receiver: Receiver, ship: Start) -> None:
    """SIGTERM before everything has arrived ends with status 1 and the number of records left, all of them kept."""
    spool(folder, CALLS)
    receiver.always = refuse(grpc.StatusCode.UNAVAILABLE, retry_after=0.01)
    process = ship("--drain", "1s")
    until(lambda: len(receiver.exports) > 3)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "40 records are left" in log.splitlines()[-1]
    assert sum(each.spooled for each in read_account(relay_folder(folder))) == len(CALLS)


def test_leaves_a_sidecar_that_runs_alone(folder: Path, receiver: Receiver, ship: Start) -> None:
    """A folder that is in use is one line and status 1; nothing is sent."""
    spool(folder, CALLS)
    lock = Lock(folder / LOCK, "the test")
    try:
        process = ship()
        _, log = process.communicate(timeout=60)
    finally:
        lock.release()
    assert process.returncode == 1
    assert "a sidecar already uses" in log
    assert "Traceback" not in log
    assert not receiver.exports


def test_a_folder_without_a_spool_is_a_wrong_setting(folder: Path, ship: Start) -> None:
    """One line names the setting and the folder."""
    process = ship()
    _, log = process.communicate(timeout=60)
    assert process.returncode == 2
    assert log.count("\n") == 1
    assert "--folder (SCORELENS_SIDECAR_FOLDER)" in log
    assert str(folder) in log
