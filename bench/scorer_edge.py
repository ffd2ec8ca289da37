"""The scorer with many callers: requests joined or not, one or two processes, and how fair it stays.

    python -m bench.scorer_edge [--rounds N] [--seconds S] [--json FILE]

Callers send one made-up tweet each and ask for calculations, as the sidecar does; they wait for nothing but their
answers. Sides run alternately; figures are medians of the rounds' ratios, latencies the best of the rounds'. The last
part is the latency of a single caller while another one sends batches of a thousand documents without end. The callers
share this machine's cores with what they call. Needs Go.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import psutil

from bench.figures import Figure, report, write
from bench.passing import Between, Load, Measured, measure, prepare
from scorelens.conventions import VIEW_FULL, VIEW_KEY
from scorelens.v1.scorer_pb2 import Document, ListModelsRequest, ScoreRequest
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_scorer.training.examples import corpus

SIDES: Final = {
    "as it comes": (),
    "not joined": ("--join", "no"),
    "2 threads": ("--threads", "2"),
    "2 workers": ("--workers", "2"),
}
LOADS: Final = (Load(1, 1, full=True), Load(32, 8, full=True), Load(32, 8))
ALONE: Final = LOADS[0]
UNLIMITED: Final = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


@dataclass(frozen=True)
class Side:
    """A scorer that runs."""

    between: Between

    def memory(self) -> Sequence[int]:
        """Bytes that each of its processes keeps for itself."""
        processes = (self.between.process, *self.between.process.children(recursive=True))
        return [process.memory_full_info().uss for process in processes]


@contextlib.contextmanager
def scorer(*flags: str) -> Iterator[Side]:
    """Run a scorer of the media tagger with some flags."""
    supervisor = Supervisor()
    command = [sys.executable, "-P", "-m", "scorelens_runtime", "scorer", "--listen", "127.0.0.1:0"]
    try:
        child = Child("scorer", [*command, "--model", "media-tagger", *flags], log=Path(os.devnull))
        ready = supervisor.start(child, 600)
        yield Side(Between(ready["address"], psutil.Process(ready["pid"])))
    finally:
        supervisor.stop()


def run(rounds: int, seconds: float) -> Iterator[Figure]:
    """Measure, print, and yield the figures."""
    documents = corpus(1000, 55, {"tweet": 1}).documents
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as temporary, contextlib.ExitStack() as running:
        request = Path(temporary) / "request"
        request.write_bytes(ScoreRequest(documents=documents[:1]).SerializeToString())
        sides = {name: running.enter_context(scorer(*flags)) for name, flags in SIDES.items()}
        for load in LOADS:
            found: dict[str, list[Measured]] = {name: [] for name in sides}
            for number in range(-1, rounds):
                for name, side in sides.items():
                    each = measure(side.between, load, seconds if number >= 0 else 0.5, request)
                    found[name] += [each] if number >= 0 else []
            yield from _figures(load, found)
        yield _fairness(sides["as it comes"], documents, request, rounds, seconds)
        _spread(sides["2 workers"])
        for name, side in sides.items():
            print(f"memory of {name}: {', '.join(f'{size / 2**20:.0f} MiB' for size in side.memory())}")


def _figures(load: Load, found: dict[str, list[Measured]]) -> Iterator[Figure]:
    view = "with calculations" if load.full else "without calculations"
    print(f"\n{load}, one tweet a call, {view}")
    base = found["as it comes"]
    for name, rounds in found.items():
        ratio = statistics.median(own.rate / peer.rate for own, peer in zip(rounds, base, strict=True))
        rate = statistics.median(each.rate for each in rounds)
        cpu, p50, p99 = (
            min(values) for values in zip(*((each.cpu, each.p50, each.p99) for each in rounds), strict=True)
        )
        print(
            f"  {name:<12}{rate:7,.0f} calls/s ({ratio:.2f})  {cpu:6.0f} us of CPU a call"
            f"  p50 {p50 / 1000:6.2f} ms  p99 {p99 / 1000:6.2f} ms"
        )
        if load.callers > 1 and name == "not joined":
            title = f"{load.callers} callers, one document a call, {view}: calls/s joined, of not joined"
            yield Figure(title, 1 / ratio, "", statistics.median(each.rate for each in base), rate, "calls/s")
        if load.callers > 1 and name == "2 workers":
            title = f"{load.callers} callers, one document a call, {view}: calls/s of 2 workers, of 1"
            yield Figure(title, ratio, "", rate, statistics.median(each.rate for each in base), "calls/s")


def _fairness(side: Side, documents: Sequence[Document], request: Path, rounds: int, seconds: float) -> Figure:
    """Measure a single caller alone and beside batches of a thousand."""
    alone = min(measure(side.between, ALONE, seconds, request).p50 for _ in range(rounds))
    told = threading.Event()
    taken: list[float] = []

    def batches() -> None:
        with grpc.insecure_channel(side.between.address, UNLIMITED) as channel:
            while not told.is_set():
                ScorerStub(channel).Score(ScoreRequest(documents=documents), metadata=((VIEW_KEY, VIEW_FULL),))
                taken.append(1.0)

    thread = threading.Thread(target=batches)
    thread.start()
    beside = [measure(side.between, ALONE, seconds, request) for _ in range(rounds)]
    told.set()
    thread.join()
    p50, p99 = min(each.p50 for each in beside), min(each.p99 for each in beside)
    print(
        f"\n1 caller beside batches of {len(documents)}: p50 {p50 / 1000:.1f} ms, p99 {p99 / 1000:.1f} ms; "
        f"{len(taken)} batches"
    )
    return Figure("1 caller beside batches of 1,000: p50, of the p50 alone", p50 / alone, "", p50, alone, "us")


def _spread(side: Side, connections: int = 64) -> None:
    """Print how the kernel spreads connections over workers."""
    with contextlib.ExitStack() as opened:
        for _ in range(connections):
            channel = opened.enter_context(grpc.insecure_channel(side.between.address, UNLIMITED))
            ScorerStub(channel).ListModels(ListModelsRequest())
        found = [
            sum(each.status == psutil.CONN_ESTABLISHED for each in worker.net_connections("tcp"))
            for worker in side.between.process.children()
        ]
    print(f"{connections} connections, by worker: {found}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    options = parser.parse_args()
    prepare()
    figures = list(run(options.rounds, options.seconds))
    write(options.json, figures)
    sys.exit(report(figures))


if __name__ == "__main__":
    main()
