"""The shipper as a process: killed, restarted, stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scorelens_sidecar.calculation_log import log_files
from scorelens_sidecar.dead_letters import DeadLetter, DeadLetters
from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.shipper.conftest import Receiver, settings_for, until
from tests.scorelens_sidecar.shipper.test_shipping import ids_of
from tests.scorelens_sidecar.spans.calls import media_document, scored_call

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start shipper processes of the folder; each has announced itself when this returns."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(receiver: Receiver, *flags: str) -> subprocess.Popen[bytes]:
        reader, writer = os.pipe()
        command = [sys.executable, "-m", "scorelens_sidecar.shipper", "--folder", str(folder), "--poll", "5ms"]
        command += ["--spool-age", "99999d"]
        environment = os.environ | {"SCORELENS_READY_FD": str(writer)}
        process = subprocess.Popen(
            [*command, "--otlp", f"127.0.0.1:{receiver.port}", *flags],
            env=environment,
            pass_fds=[writer],
            stderr=subprocess.PIPE if "--redact" in flags else None,
        )
        os.close(writer)
        with os.fdopen(reader) as pipe:
            pipe.readline()
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def log_ids(folder: Path) -> Counter[str]:
    """Count the record ids in the calculation log; every line must be whole."""
    lines = [line for path in log_files(folder) if path.exists() for line in path.read_text().splitlines()]
    return Counter(json.loads(line)["record"]["id"] for line in lines)


def test_killed_in_the_middle_of_a_load_it_loses_and_doubles_nothing(
    folder: Path, receiver: Receiver, start: Start
) -> None:
    """However often it is killed, every record arrives, and the calculation log has each exactly once."""
    calls = [scored_call(number, media_document(number), media_document(number)) for number in range(1200)]
    flags = ("--batch-calls", "16", "--log-bytes", "300KiB", "--log-files", "50", "--fsync", "never")

    def load() -> None:
        writer = SpoolWriter(relay_folder(folder), settings_for(folder))
        for call in calls:
            writer.append([call])
            threading.Event().wait(0.001)
        writer.close()

    loader = threading.Thread(target=load)
    loader.start()
    chance = random.Random(11)
    for _ in range(4):
        before = len(receiver.exports)
        process = start(receiver, *flags)
        enough = before + chance.randint(1, 6)
        until(lambda enough=enough: len(receiver.exports) >= enough)  # type: ignore[misc]
        process.kill()
        process.wait()
    process = start(receiver, *flags)
    loader.join()
    until(lambda: all(each.acknowledged == 1200 for each in read_account(relay_folder(folder))))
    process.terminate()
    assert process.wait(20) == 0
    assert set(receiver.accepted) == ids_of(calls)
    assert log_ids(folder) == dict.fromkeys(ids_of(calls), 1)
    assert all(each.adds_up for each in read_account(relay_folder(folder)))


def test_ends_with_its_supervisor_signal(receiver: Receiver, start: Start) -> None:
    """SIGTERM ends an idle shipper at once, with status 0."""
    process = start(receiver)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_wrong_setting_stops_the_start(receiver: Receiver, start: Start) -> None:
    """An unknown redaction is one line that names the setting."""
    process = start(receiver, "--redact", "emial")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors.decode().count("\n") == 1
    assert "--redact" in errors.decode()
    assert "emial" in errors.decode()


def test_dead_letters_are_listed(folder: Path) -> None:
    """The tool prints each dead letter once, the newest first, and passes over an unfinished line."""
    folder.mkdir()
    letters = [DeadLetter("2026-11-22T10:00:00Z", "odd", "r1", "d1", "t", str(n), "http://x", n) for n in (1, 1, 2)]
    DeadLetters(folder).append(letters)
    with (folder / "dead-letters.jsonl").open("a") as file:
        file.write('{"time": "20')
    DeadLetters(folder).append([DeadLetter("2026-11-22T10:00:00Z", "later", "r", "d", "t", "3", "http://x", 3)])
    command = [sys.executable, "-m", "scorelens_sidecar.dead_letters", "--folder", str(folder), "--json"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().splitlines()
    assert [json.loads(line)["sequence"] for line in listed] == [3, 2, 1]
