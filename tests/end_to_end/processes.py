"""Real components as processes: started, found, killed and started again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from scorelens_runtime.lifecycle import READY_FD

ROOT = Path(__file__).parents[2]
START_LIMIT = 60.0


class Component:
    """A module with its arguments as a process, on a port that stays the same over restarts."""

    def __init__(self, folder: Path, module: str, *arguments: str) -> None:
        self.name, self.module = module.rpartition(".")[2], module
        self.arguments = list(arguments)
        self.address = "127.0.0.1:0"
        self.log = folder / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Component:
        """Start and wait until it serves."""
        reader, writer = os.pipe()
        command = [sys.executable, "-m", self.module, *self.arguments, "--listen", self.address]
        environment = os.environ | {READY_FD: str(writer), "PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, pass_fds=[writer], stdout=log, stderr=log)
        os.close(writer)
        try:
            if not select.select([reader], [], [], START_LIMIT)[0]:
                raise AssertionError(f"{self.name} did not start, see {self.log}")
            line = os.read(reader, 4096)
        finally:
            os.close(reader)
        assert line, f"{self.name} ended instead of starting, see {self.log}:\n{self.said()}"
        self.address = json.loads(line)["address"]
        return self

    def said(self) -> str:
        """Return what it logged."""
        return self.log.read_text(errors="replace")

    def stop(self) -> None:
        """End as SIGTERM does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def kill(self) -> None:
        """End without warning."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_child(self, module: str) -> None:
        """Kill -9 the supervised child that runs a module, and wait until another one is there."""
        old = self.child(module)
        os.kill(old.pid, signal.SIGKILL)
        wait_until(lambda: self.child(module).pid != old.pid, f"{module} is started again")

    def child(self, module: str) -> psutil.Process:
        """Return the supervised child that runs a module."""
        found: list[psutil.Process] = []

        def look() -> bool:
            found[:] = [child for child in self._children() if module in child.cmdline()]
            return bool(found)

        wait_until(look, f"a process runs {module}")
        return found[0]

    def _children(self) -> Sequence[psutil.Process]:
        assert self.process is not None
        alive = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if child.status() != psutil.STATUS_ZOMBIE and child.cmdline():
                    alive.append(child)
            except psutil.NoSuchProcess:
                continue
        return alive


def wait_until(condition: Callable[[], Any], what: str, limit: float = 60.0) -> None:
    """Poll until a condition holds; fail with what was waited for."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"waited {limit:.0f} s in vain until {what}"
        time.sleep(0.05)
