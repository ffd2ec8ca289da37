"""Documents per second from `scorelens score FILE` to searchable, and what each component takes of the CPU.

Runs a whole system (`scorelens up`) on a made-up corpus. Two clocks: until the last answer, and until the last document
is searchable. CPU is that of the processes by component, over the whole run. `python -m bench.end_to_end [--help]`
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Figure, write
from scorelens_client.home import Home
from scorelens_client.reading import open_store
from scorelens_runtime.home import default_home
from scorelens_store.contract import Selection
from scorelens_store.query.tree import Everything

SCORELENS = [sys.executable, "-P", "-m", "scorelens_runtime"]
STARTED_WITHIN = 300.0
WARM = 200
"""Documents that are scored before the clocks start."""
PARTS = {
    "scorelens_sidecar.relay": "relay",
    "scorelens_sidecar.shipper": "shipper",
    "scorelens_runtime sidecar": "sidecar",
}


@contextmanager
def system(folder: Path, environment: dict[str, str]) -> Iterator[tuple[Home, psutil.Process]]:
    """Run `scorelens up` in a folder."""
    home = Home(folder)
    addresses = [word for part in ("sidecar", "scorer", "indexer") for word in (f"--{part}", "127.0.0.1:0")]
    with (
        (folder / "up.out").open("w") as output,
        subprocess.Popen(
            [*SCORELENS, "up", "--home", str(folder), *addresses], stdout=output, stderr=output, env=environment
        ) as process,
    ):
        try:
            limit = time.monotonic() + STARTED_WITHIN
            while home.running() is None:
                if process.poll() is not None or time.monotonic() > limit:
                    sys.exit((folder / "up.out").read_text())
                time.sleep(0.1)
            yield home, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


@dataclass(frozen=True)
class Run:
    """A system that has scored a corpus: what it took, in seconds and CPU seconds, and where it still runs."""

    home: Home
    root: psutil.Process
    answered: float
    searchable: float
    used: dict[str, float]


@contextmanager
def scored(count: int, patience: float, more: Mapping[str, str] | None = None) -> Iterator[Run]:
    """Run a system, have it score some documents after WARM others, and wait until all are searchable."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as temporary:
        folder = Path(temporary)
        environment = os.environ | {"SCORELENS_SCORER_CACHE": str(default_home() / "models")} | dict(more or {})
        corpus(folder / "warm.jsonl", WARM)
        corpus(folder / "documents.jsonl", count)
        with system(folder, environment) as (home, root):
            score(home, folder / "warm.jsonl", environment)
            searchable(home, WARM, patience)
            before, started = cpu(root), time.monotonic()
            answered, own = score(home, folder / "documents.jsonl", environment)
            searchable(home, WARM + count, patience)
            whole = time.monotonic() - started
            used = {name: value - before[name] for name, value in cpu(root).items()}
            yield Run(home, root, answered, whole, used | {"score": own})


def corpus(path: Path, count: int) -> None:
    """Write a made-up corpus."""
    with path.open("wb") as file:
        command = [sys.executable, "-P", "-m", "scorelens_scorer.corpus", "--count", str(count), "--seed", "11"]
        subprocess.run(command, stdout=file, check=True)


def cpu(root: psutil.Process) -> dict[str, float]:
    """Return CPU seconds by component of the processes that a system has now."""
    seconds: dict[str, float] = defaultdict(float)
    for process in root.children(recursive=True):
        times = process.cpu_times()
        seconds[_component(process)] += times.user + times.system
    return seconds


def _component(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    for mark, name in PARTS.items():
        if mark in words:
            return name
    return next((name for name in ("scorer", "indexer") if f" {name}" in words), "others")


def score(home: Home, path: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Score a file with the command; return seconds and the command's own CPU seconds."""
    started = time.monotonic()
    with subprocess.Popen(
        [*SCORELENS, "score", str(path), "--home", str(home.path)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"scorelens score ended with status {process.returncode}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime


def searchable(home: Home, count: int, limit: float) -> None:
    """Wait until so many documents are found by a search of all."""
    end = time.monotonic() + limit
    with open_store(home) as reader:
        while reader.count(Selection(Everything())) < count:
            if time.monotonic() > end:
                sys.exit(f"not everything was searchable after {limit:.0f} s")
            time.sleep(0.2)


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--patience", type=float, default=900.0, help="most seconds to wait for the store")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    with scored(options.documents, options.patience) as run:
        figures = list(_report(options.documents, run))
    write(options.json, figures)


def _report(count: int, run: Run) -> Iterator[Figure]:
    total = sum(run.used.values())
    print(f"{count:,} documents: answered {count / run.answered:,.0f}/s, searchable {count / run.searchable:,.0f}/s")
    yield Figure(
        "end to end: answered to searchable",
        run.searchable / run.answered,
        ours=count / run.searchable,
        peer=count / run.answered,
        unit="documents/s",
        note="peer: the rate of answers",
    )
    for name, value in sorted(run.used.items(), key=lambda item: -item[1]):
        print(f"  {name:<8} {value / count * 1e6:7.0f} us of CPU a document, {value / total:4.0%}")
        yield Figure(
            f"end to end: CPU share of {name}", value / total, ours=value / count * 1e6, unit="us of CPU a document"
        )


if __name__ == "__main__":
    main()
