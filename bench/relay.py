"""What the relay costs, against nginx passing the same calls and capturing nothing.

    python -m bench.relay [--rounds N] [--seconds S]

Everything is on in the relay: header added, calculations stripped, every call recorded in a real spool. Each round runs
the load straight at the upstream, through nginx and through the relay, one after the other, and compares within the
round; the figures are medians of the rounds' ratios. Ends with status 1 when a gate is missed.

Needs nginx (Debian, Ubuntu: apt-get install nginx) and Go.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from scorelens_runtime.supervise import Child, Supervisor

ROOT = Path(__file__).parent.parent
LOAD = ROOT / ".tools" / "load"
RESULT_BYTES, CALCULATION_BYTES = 1000, 5000
SHAPES = ((1, 1), (32, 1), (32, 8))
"""Callers and connections."""
CPU_GATES = {1: 1.2, 32: 0.7}
"""By callers: the most CPU per call, as a part of nginx's."""
LATENCY_GATE = 1.1
"""The most added median latency at one caller, as a part of nginx's."""

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000000; keepalive_time 1d;
  upstream scorer {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} http2; location / {{ grpc_pass grpc://scorer; }} }}
}}
"""


@dataclass(frozen=True)
class Measured:
    """One run: CPU of the process between, per call, and the median latency, both in microseconds."""

    cpu: float
    p50: float


@dataclass(frozen=True)
class Between:
    """What the load passes: an address, and the processes whose CPU counts."""

    address: str
    processes: list[psutil.Process]

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)


def measure(between: Between, callers: int, connections: int, seconds: float) -> Measured:
    """Run the load once."""
    before = between.cpu()
    command = [str(LOAD), "call", between.address, str(callers), str(connections), str(seconds)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(ended.stdout)
    return Measured((between.cpu() - before) / found["calls"] * 1e6, found["p50_us"])


@contextlib.contextmanager
def upstream() -> Iterator[Between]:
    """Serve answers."""
    command = [str(LOAD), "serve", "127.0.0.1:0", str(RESULT_BYTES), str(CALCULATION_BYTES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Between(process.stdout.readline().strip(), [])
        finally:
            process.terminate()


@contextlib.contextmanager
def nginx(address: str, folder: Path, port: int = 18573) -> Iterator[Between]:
    """Pass calls with nginx."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        sys.exit("nginx is missing; on Debian and Ubuntu: apt-get install nginx")
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstream=address, port=port))
    with subprocess.Popen([program, "-p", folder, "-c", config], stderr=subprocess.DEVNULL) as process:
        try:
            master = psutil.Process(process.pid)
            limit = time.monotonic() + 10
            while not master.children() and time.monotonic() < limit:
                time.sleep(0.05)
            yield Between(f"127.0.0.1:{port}", [master, *master.children()])
        finally:
            process.terminate()


@contextlib.contextmanager
def relay(address: str, folder: Path) -> Iterator[Between]:
    """Pass calls with the relay."""
    supervisor = Supervisor()
    command = [sys.executable, "-m", "scorelens_sidecar.relay", "--listen", "127.0.0.1:0", "--upstream", address]
    try:
        ready = supervisor.start(Child("relay", [*command, "--folder", str(folder), "--spool-bytes", "64GiB"]))
        yield Between(ready["address"], [psutil.Process(ready["pid"])])
    finally:
        supervisor.stop()


def main() -> None:
    """Measure, print, and hold the gates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    LOAD.parent.mkdir(exist_ok=True)
    subprocess.run(["go", "build", "-o", str(LOAD), "."], cwd=ROOT / "bench" / "load", check=True)
    missed = []
    with tempfile.TemporaryDirectory() as temporary, upstream() as direct:
        folder = Path(temporary)
        (folder / "nginx").mkdir()
        with nginx(direct.address, folder / "nginx") as other, relay(direct.address, folder / "sidecar") as ours:
            for callers, connections in SHAPES:
                missed += compare(direct, other, ours, callers, connections, options.rounds, options.seconds)
            print(f"relay's memory: {ours.processes[0].memory_info().rss / 2**20:.0f} MiB")
    for gate in missed:
        print(f"missed: {gate}")
    sys.exit(bool(missed))


def compare(
    direct: Between, other: Between, ours: Between, callers: int, connections: int, rounds: int, seconds: float
) -> list[str]:
    """Measure one shape of load; return the gates it misses."""
    cpus, latencies = [], []
    for _ in range(rounds):
        straight, theirs, own = (measure(each, callers, connections, seconds) for each in (direct, other, ours))
        cpus.append(own.cpu / theirs.cpu)
        latencies.append((own.p50 - straight.p50) / (theirs.p50 - straight.p50))
    cpu, latency = statistics.median(cpus), statistics.median(latencies)
    print(
        f"{callers:2} callers, {connections} connections: CPU {cpu:.2f} of nginx ({own.cpu:.0f} and {theirs.cpu:.0f} us"
        f" a call in the last round), added p50 {latency:.2f} of nginx ({own.p50:.0f} and {theirs.p50:.0f} us in all)"
    )
    missed = [] if cpu <= CPU_GATES[callers] else [f"CPU at {callers} callers: {cpu:.2f} > {CPU_GATES[callers]}"]
    if callers == 1 and latency > LATENCY_GATE:
        missed.append(f"added p50 at one caller: {latency:.2f} > {LATENCY_GATE}")
    return missed


if __name__ == "__main__":
    main()
