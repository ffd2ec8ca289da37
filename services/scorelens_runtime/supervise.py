"""Starting processes in order, restarting those that die, and ending them in reverse."""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.lifecycle import LIFELINE_FD, READY_FD

_log = logging.getLogger(__name__)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
STEADY = 30.0


@dataclass
class Child:
    """One supervised process: its name, its command line, and what it inherits.

    `drain` is how many seconds it gets between SIGTERM and SIGKILL. `log` is a file that its output is appended to;
    without one it shares this process's.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    pass_fds: Sequence[int] = ()
    drain: float = 15.0
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    ready: dict[str, Any] = field(default_factory=dict, init=False)
    pause: float = field(default=FIRST_PAUSE, init=False)
    restarts: int = field(default=0, init=False)
    started: float = field(default=0.0, init=False)
    start_after: float = field(default=0.0, init=False)


class Supervisor:
    """Owns a set of children.

    Call `start` for each in the order of need, `watch` regularly, and `stop` once. Children see the end of this process
    through a pipe, so even its kill -9 leaves nobody behind.
    """

    def __init__(self) -> None:
        self.children: list[Child] = []
        self._lifeline, self._held = os.pipe()

    def start(self, child: Child, timeout: float = 60.0) -> dict[str, Any]:
        """Start a child and wait until it announces itself.

        Returns what it announced (`address`, `pid`); raises ScorelensError when it ends or keeps silent instead.
        """
        self.children.append(child)
        reader = self._spawn(child)
        try:
            child.ready = self._await_ready(child, reader, timeout)
        finally:
            os.close(reader)
        return child.ready

    def watch(self) -> None:
        """Start again every child that has ended, after a pause that doubles while it keeps ending soon."""
        now = time.monotonic()
        for child in self.children:
            process = child.process
            if process is not None and process.poll() is not None:
                if now - child.started > STEADY:
                    child.pause = FIRST_PAUSE
                _log.warning(
                    "process ended, starting it again",
                    extra={"child": child.name, "status": process.returncode, "pause_s": child.pause},
                )
                child.process, child.start_after = None, now + child.pause
                child.pause = min(child.pause * 2, LONGEST_PAUSE)
                child.restarts += 1
            if child.process is None and now >= child.start_after:
                self._start_again(child)

    def end(self, child: Child) -> None:
        """End one child, with the time it needs to drain, and watch it no more."""
        self.children = [each for each in self.children if each is not child]
        process = child.process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(child.drain)
        except subprocess.TimeoutExpired:
            _log.warning("process did not end in time, killing it", extra={"child": child.name})
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End the children in reverse order, each with the time it needs to drain."""
        for child in reversed(self.children):
            self.end(child)
        for end in (self._lifeline, self._held):
            os.close(end)

    def _start_again(self, child: Child) -> None:
        try:
            os.close(self._spawn(child))
        except OSError as error:
            # Out of processes, memory or descriptors: that passes, and ending would only take the others along.
            _log.error("process cannot be started", extra={"child": child.name, "error": str(error)})
            child.start_after = time.monotonic() + child.pause
            child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def _spawn(self, child: Child) -> int:
        reader, writer = os.pipe()
        started = False
        environment = os.environ | child.environment | {READY_FD: str(writer), LIFELINE_FD: str(self._lifeline)}
        try:
            with child.log.open("ab") if child.log else nullcontext() as output:
                child.process = subprocess.Popen(
                    child.command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[writer, self._lifeline, *child.pass_fds],
                    start_new_session=True,
                )
            started = True
        finally:
            os.close(writer)
            if not started:
                os.close(reader)
        child.started = time.monotonic()
        return reader

    def _await_ready(self, child: Child, reader: int, timeout: float) -> dict[str, Any]:
        limit = time.monotonic() + timeout
        received = b""
        while not received.endswith(b"\n"):
            left = limit - time.monotonic()
            if left <= 0 or not select.select([reader], [], [], left)[0]:
                raise ScorelensError(f"{child.name} did not start within {timeout:.0f} s; see its log")
            chunk = os.read(reader, 4096)
            if not chunk:
                status = child.process.wait() if child.process else None
                raise ScorelensError(f"{child.name} ended with status {status} instead of starting; see its log")
            received += chunk
        announced: dict[str, Any] = json.loads(received)
        return announced
