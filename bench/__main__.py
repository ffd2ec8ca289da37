"""All benchmarks, one after the other, and their figures as one table. `make bench` or `python -m bench [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import psutil

from bench.figures import Figure, read

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "build" / "bench"
PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"

BENCHES: Final = {
    "relay": "the sidecar's relay against nginx, HAProxy and Envoy",
    "aio_scorer": "a Python grpc.aio scorer with the sidecar before it, against itself alone",
    "shipper": "building OTLP, against the OpenTelemetry SDK",
    "scoring": "scoring with calculations, against bare scikit-learn",
    "scorer_edge": "the scorer with many callers: joined or not, one or two processes",
    "store": "indexing, against raw bulk and raw tantivy",
    "reindex": "indexing anew, and how long writers wait for it, against putting and against a smaller index",
    "search": "searching a million records, against the raw query",
    "console": "the console with a million records, its pages alone and with fifty people at a time",
    "overhead": "searching and scanning Elasticsearch, against the same requests through its client",
    "end_to_end": "from `scorelens score` to searchable",
    "capacity": "what a whole system takes, against what `scorelens size` says",
}


def main() -> None:
    """Run, and print one table; write it into docs/performance.md if asked."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "name", nargs="*", choices=[*BENCHES, []], help=f"which of {', '.join(BENCHES)}; all by default"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    failed = [name for name in options.name or BENCHES if not run(name)]
    figures = {name: read(path) for name in BENCHES if (path := RESULTS / f"{name}.json").exists()}
    table = "\n".join(lines(figures))
    print(f"\n{table}")
    if options.write:
        write(table)
    for name in failed:
        print(f"did not end well: {name}")
    sys.exit(bool(failed))


def run(name: str) -> bool:
    """Run one benchmark; a missed gate is a figure and no failure."""
    path = RESULTS / f"{name}.json"
    path.unlink(missing_ok=True)
    print(f"\n== {name}: {BENCHES[name]}", flush=True)
    subprocess.run([sys.executable, "-m", f"bench.{name}", "--json", str(path)], cwd=ROOT, check=False)
    return path.exists()


def lines(figures: dict[str, list[Figure]]) -> Iterator[str]:
    """Yield the table, in Markdown."""
    memory = psutil.virtual_memory().total / 2**30
    yield f"Measured on {os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, Python {platform.python_version()}."
    yield ""
    yield "| figure | ours | peer | ratio | gate |"
    yield "|---|---|---|---|---|"
    for each in (figure for found in figures.values() for figure in found):
        gate = f"{each.gate} {'met' if each.met else '**missed**'}" if each.gate else ""
        note = f" ({each.note})" if each.note else ""
        sides = f"{_number(each.ours, each.unit)} | {_number(each.peer, each.unit)}"
        yield f"| {each.name}{note} | {sides} | {each.ratio:.2f} | {gate} |"


def write(table: str) -> None:
    """Put the table between its marks."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.{0 if abs(value) >= 100 else 2}f} {unit}".strip()


def _processor() -> str:
    names: Iterable[str] = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ()
    return next((line.partition(": ")[2] for line in names if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
