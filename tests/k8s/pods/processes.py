"""A container's processes: started with an environment of their own, told to end, and ended all together."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
_MARK = "SCORELENS_TEST_CONTAINER"
_PYTHON = {"scorelens": ["-m", "scorelens_runtime"], "python": [], "python3": []}


def command_line(words: Sequence[str]) -> list[str]:
    """Return a container's command with this checkout's Python."""
    name, *arguments = words
    if name in _PYTHON:
        return [sys.executable, *_PYTHON[name], *arguments]
    return [name, *arguments]


class Processes:
    """The first process of a container and whatever it starts, which is gone when it is."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], log: Path) -> None:
        self._mark = secrets.token_hex(8)
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(log.parent),
            "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])),
            **variables,
            _MARK: self._mark,
        }
        self._log = log
        with log.open("ab") as output:
            self._first = subprocess.Popen(
                command_line(command),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The first process."""
        return self._first.pid

    def ended(self) -> int | None:
        """Return the status of the first process once it has ended; nothing else runs then."""
        status = self._first.poll()
        if status is not None:
            self._kill_rest()
        return status

    def run(self, command: Sequence[str], timeout: float) -> int:
        """Run a command in the container; return its status, 124 when it took too long."""
        with self._log.open("ab") as output:
            try:
                return subprocess.run(
                    command_line(command),
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=timeout,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                return 124

    def terminate(self) -> None:
        """Send SIGTERM to the first process."""
        self._first.terminate()

    def kill(self) -> None:
        """End everything at once, without warning."""
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._first.pid)
            first.send_signal(signal.SIGSTOP)  # so that it starts nothing in the meantime
            for each in first.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        self._first.kill()
        self._first.wait()
        self._kill_rest()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the first process; tell whether it came."""
        try:
            self._first.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        self._kill_rest()
        return True

    def _kill_rest(self) -> None:
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if each.environ().get(_MARK) == self._mark:
                    each.kill()
