"""The sizing model against a whole system that runs: `scorelens score` through `scorelens up`, on a made-up corpus.

Compares the CPU of each part, the bytes that calls take in the spool, and those of a record in the store with what
`scorelens size` says for the same load. How much slower this machine is than the one of the model's figures is measured
first, by a job that is not this project's own code. `python -m bench.capacity [--help]`
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from bench.end_to_end import WARM, corpus, scored
from bench.figures import Figure, report, write
from bench.shipper import captured, cpu_seconds, with_sdk
from scorelens_client.parts import sidecar_account
from scorelens_client.sizing.model import (
    Load,
    indexer_cpu,
    record_bytes,
    relay_cpu,
    scorer_cpu,
    shipper_cpu,
    spool_bytes,
)

FACTOR: Final = 2.5
BYTES: Final = 1.5
"""By how much model and run may differ in CPU, and in bytes."""

YARDSTICK: Final = 2_364.0
"""Microseconds that the OpenTelemetry SDK took for a call on the machine of the model's figures: docs/capacity.md."""

TAGS, TERMS = 20, 20


def main() -> None:
    """Print the figures of one run; the status is 1 where the model is further off than its gates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    slower = _slower()
    documents = WARM + options.documents
    with scored(options.documents, 1200, {"SCORELENS_SIDECAR_SPOOL_KEEP": "1d"}) as run:
        used = {name: value / options.documents * 1e6 for name, value in run.used.items()}
        calls, spooled = _seen(run.home.sidecar), _spooled(run.home.sidecar)
        memory = dict(_memory(run.root))
        stored = sum(path.stat().st_size for path in run.home.store.rglob("*") if path.is_file())
    text = sum(len(json.loads(line).get("text", "")) for line in documents_of(options.documents)) / options.documents
    load = Load(
        calls=1, documents=documents / calls, tags=TAGS, terms=TERMS, text=text, codec="embedded", slower=slower
    )
    print(f"a core takes {slower:.2f} times as long here as on the machine of the model's figures")
    print(f"{documents:,} documents of {text:,.0f} bytes in {calls:,} calls: the run, and the model")
    figures = list(_compared(load, used, spooled / documents, stored / documents))
    for name, value in memory.items():
        print(f"  {name:<8} {value / 2**20:6.0f} MiB resident")
    write(options.json, figures)
    sys.exit(report(figures))


def _slower() -> float:
    """Return how many times as long this machine takes."""
    run = with_sdk(captured(10, 20))
    return statistics.median(cpu_seconds(run, 50) for _ in range(7)) * 1e6 / YARDSTICK


def documents_of(count: int) -> Iterator[str]:
    """Yield the lines of the corpus that was scored, made once more."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as temporary:
        corpus(Path(temporary) / "again.jsonl", count)
        yield from (Path(temporary) / "again.jsonl").read_text("utf-8").splitlines()


def _compared(load: Load, used: dict[str, float], spooled: float, record: float) -> Iterator[Figure]:
    per_call = {"scorer": scorer_cpu(load), "relay": relay_cpu(load), "shipper": load.documents * shipper_cpu(load)}
    expected = {name: value / load.documents for name, value in per_call.items()}
    expected["indexer"] = indexer_cpu(load, embedded=True)
    for name, model in expected.items():
        yield from _figure(f"CPU of the {name}", used[name], model * load.slower, "us a document")
    yield from _figure("spool", spooled, spool_bytes(load) / load.documents, "bytes a document")
    yield from _figure("record in the embedded store", record, record_bytes(load), "bytes a record")


def _figure(name: str, run: float, model: float, unit: str) -> Iterator[Figure]:
    print(f"  {name:<29} {run:9,.0f} {model:9,.0f} {unit}")
    ratio = max(run / model, model / run)
    note = "peer: the model; the ratio is of the larger to the smaller"
    gate = f"<= {BYTES if unit.startswith('bytes') else FACTOR}"
    yield Figure(f"capacity: {name}", ratio, gate, ours=run, peer=model, unit=unit, note=note)


def _spooled(folder: Path) -> int:
    return sum(int(relay["bytes"]) for relay in sidecar_account(folder)["relays"])


def _seen(folder: Path) -> int:
    return max(int(one["seen"]) for relay in sidecar_account(folder)["relays"] for one in relay["destinations"])


def _memory(root: psutil.Process) -> Iterator[tuple[str, int]]:
    for process in root.children(recursive=True):
        words = " ".join(process.cmdline())
        name = next(
            (name for name in ("relay", "shipper", "scorer", "indexer", "console", "sidecar") if name in words), ""
        )
        yield name or words[-20:], process.memory_info().rss


if __name__ == "__main__":
    main()
