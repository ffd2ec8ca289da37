"""What the benchmarks of the sidecar share: load, processes whose CPU is counted, relay and shipper."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.compiled import COMPILED, ROOT
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.folders import relay_folders

LOAD = ROOT / ".tools" / "load"
PRIORITY = -5
"""Of everything that is measured, where the system allows it: others' work disturbs less."""


@dataclass(frozen=True)
class Load:
    """One shape of load; `traced` calls have a deadline and a traceparent of their own, `full` ones calculations."""

    callers: int
    connections: int
    traced: bool = False
    full: bool = False

    def __str__(self) -> str:
        connections = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        callers = "1 caller" if self.callers == 1 else f"{self.callers} callers on {connections}"
        return f"{callers}{', traced' if self.traced else ''}"


@dataclass(frozen=True)
class Measured:
    """One run: calls, calls a second, CPU of the processes between in microseconds a call, latencies in them."""

    calls: int
    rate: float
    cpu: float
    p50: float
    p99: float = 0.0


@dataclass(frozen=True)
class Between:
    """What the load passes: an address, and the process whose CPU counts, with its children."""

    address: str
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return sum(sum(each.cpu_times()[:2]) for each in (self.process, *self.process.children(recursive=True)))


def prepare() -> None:
    """Build the load generator, and ask for more than the usual share of the machine."""
    LOAD.parent.mkdir(exist_ok=True)
    try:
        subprocess.run(["go", "build", "-o", str(LOAD), "."], cwd=ROOT / "bench" / "load", check=True)
    except FileNotFoundError:
        sys.exit("Go is missing, which the load generator is written in; see https://go.dev/dl")
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


def measure(between: Between, load: Load, seconds: float, request: Path) -> Measured:
    """Run the load once."""
    flags = ["-traced"] * load.traced + ["-full"] * load.full
    shape = [str(load.callers), str(load.connections), str(seconds), str(request)]
    before = between.cpu()
    command = [str(LOAD), "call", *flags, between.address, *shape]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    spent = between.cpu() - before
    found = json.loads(ended.stdout)
    calls = int(found["calls"])
    return Measured(calls, calls / found["seconds"], spent / calls * 1e6, found["p50_us"], found["p99_us"])


@contextlib.contextmanager
def upstream(answer: Path) -> Iterator[Between]:
    """Answer every call with the same message."""
    command = [str(LOAD), "serve", "127.0.0.1:0", str(answer)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Between(process.stdout.readline().strip(), psutil.Process(process.pid))
        finally:
            process.terminate()


@contextlib.contextmanager
def relay(address: str, folder: Path, compiled: bool = False) -> Iterator[Between]:
    """Pass calls with the relay, everything on."""
    flags = ["--listen", "127.0.0.1:0", "--upstream", address, "--spool-bytes", "64GiB"]
    with _part("scorelens_sidecar.relay", folder, flags, compiled) as found:
        yield found


@contextlib.contextmanager
def shipper(receiver: str, folder: Path) -> Iterator[Between]:
    """Ship what the relay records, as deployed: to a receiver, and to the calculation log."""
    with _part("scorelens_sidecar.shipper", folder, ["--otlp", receiver]) as found:
        yield found


@contextlib.contextmanager
def _part(module: str, folder: Path, flags: Sequence[str], compiled: bool = False) -> Iterator[Between]:
    supervisor = Supervisor()
    command = [sys.executable, "-P", "-m", module, "--folder", str(folder), "--log-level", "warning", *flags]
    environment = os.environ | {"PYTHONPATH": str(COMPILED)} if compiled else dict(os.environ)
    try:
        ready = supervisor.start(Child(module, command, environment=environment))
        yield Between(ready.get("address", ""), psutil.Process(ready["pid"]))
    finally:
        supervisor.stop()


def until_shipped(folder: Path, limit: float = 120.0) -> int:
    """Wait until everything that was recorded is acknowledged; return how many records that are."""
    end = time.monotonic() + limit
    while True:
        accounts = [account for relay in relay_folders(folder) for account in read_account(relay)]
        if accounts and all(account.acknowledged == account.seen for account in accounts):
            return max(account.acknowledged for account in accounts)
        if time.monotonic() > end:
            sys.exit(f"the shipper did not end within {limit:.0f} s")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
