"""Announcing, and following a supervisor, without one and with a broken one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from scorelens_runtime.lifecycle import LIFELINE_FD, READY_FD, announce, follow_supervisor
from tests.end_to_end.processes import wait_until


def test_a_process_started_by_hand_needs_no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the pipes nothing happens."""
    monkeypatch.delenv(READY_FD, raising=False)
    monkeypatch.delenv(LIFELINE_FD, raising=False)
    announce("127.0.0.1:1")
    follow_supervisor()


def test_an_announcement_is_one_line_and_the_end_of_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor reads one JSON object, and grandchildren do not inherit the variable."""
    reader, writer = os.pipe()
    monkeypatch.setenv(READY_FD, str(writer))
    announce("127.0.0.1:1", model="m")
    with open(reader, "rb") as pipe:  # noqa: PTH123
        assert json.loads(pipe.read()) == {"address": "127.0.0.1:1", "pid": os.getpid(), "model": "m"}
    assert READY_FD not in os.environ


def test_nobody_listening_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was started again announces itself to nobody."""
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setenv(READY_FD, str(writer))
    announce("127.0.0.1:1")


def test_the_end_of_the_supervisor_is_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the pipe's other end closes, this process is told as by SIGTERM."""
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        reader, writer = os.pipe()
        monkeypatch.setenv(LIFELINE_FD, str(reader))
        follow_supervisor()
        assert not told.wait(0.05)
        os.close(writer)
        wait_until(told.is_set, "it is told")  # in steps: Python calls handlers between those of the main thread alone
        os.close(reader)
    finally:
        signal.signal(signal.SIGTERM, before)


AMID_WAITS = """
import signal, threading
from scorelens_runtime.lifecycle import on_signal
told, heard = threading.Event(), []
on_signal(lambda: (heard.append(1), told.set()), signal.SIGUSR1)
ended = threading.Event()
on_signal(ended.set, signal.SIGTERM)
print("waiting", flush=True)
while not ended.is_set():
    told.wait(0.00005)
    told.clear()
print(len(heard), flush=True)
"""


def test_signals_amid_a_wait_are_heard() -> None:
    """Thousands of signals that fall into waits of a few microseconds neither block nor break the process."""
    command = [sys.executable, "-c", AMID_WAITS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "waiting\n"
        for _ in range(2000):
            process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGTERM)
        assert int(process.stdout.readline()) > 0
        assert process.stderr.read() == ""
    assert process.returncode == 0
