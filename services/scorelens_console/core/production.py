"""What a model lives with: how much, of which kinds and lengths, how fast, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scorelens_console.core.charts import Chart, bars_by_name, bars_over_time, distribution
from scorelens_console.core.counting import both, buckets
from scorelens_store.contract import (
    Aggregation,
    AggregationResult,
    DateHistogram,
    Histogram,
    Percentiles,
    Reader,
    Selection,
    Statistics,
    Terms,
)
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Equals

MOST_MODELS: Final = 12
BINS: Final = 40
MOST_BINS: Final = 20_000
PERCENTS: Final = (50.0, 95.0, 99.0)
_NICE: Final = (1, 2, 5)


@dataclass(frozen=True)
class Latency:
    """How long the calls of one model took, in milliseconds, and how many documents they scored."""

    model: str
    version: str
    documents: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Production:
    """What is shown: figures by name, charts, latencies, and what was marked in records or failed."""

    documents: int
    failed: int
    figures: Mapping[str, str]
    charts: Sequence[Chart]
    latencies: Sequence[Latency]
    flags: Sequence[tuple[str, int]]
    statuses: Sequence[tuple[str, int]]


def read_production(reader: Reader, selection: Selection, width: DateHistogram) -> Production:
    """Count what a selection holds; `width` is a histogram over time."""
    wanted: dict[str, Aggregation] = {
        "time": width,
        "kinds": Terms("document.kind", 20),
        "languages": Terms("document.language", 20),
        "sources": Terms("document.source", 20),
        "models": Terms("model.id", MOST_MODELS),
        "flags": Terms("flags", 20),
        "length": Statistics("document.length"),
        "lengths": Percentiles("document.length", (50.0, 95.0)),
    }
    found = reader.aggregate(selection, wanted)
    documents = sum(one.count for one in buckets(found["time"]))
    calls = both(selection, Equals(FIELDS["record.type"], "call"))
    failed = reader.aggregate(calls, {"statuses": Terms("rpc.status", 20), "time": width})
    bad = [(str(one.key), one.count) for one in buckets(failed["statuses"]) if one.key != "OK"]
    latencies = list(_latencies(reader, selection, [str(one.key) for one in buckets(found["models"])]))
    return Production(
        documents,
        sum(count for _, count in bad),
        _figures(documents, found, latencies),
        list(_charts(reader, selection, found, failed)),
        latencies,
        [(str(one.key), one.count) for one in buckets(found["flags"])],
        bad,
    )


def _figures(documents: int, found: Mapping[str, AggregationResult], latencies: Sequence[Latency]) -> Mapping[str, str]:
    lengths = found["lengths"]
    figures = {"documents": f"{documents:,}"}
    if isinstance(lengths, Mapping) and lengths:
        figures["usual length"] = f"{lengths.get('50.0', lengths.get('50', 0.0)):,.0f} characters"
    if latencies:
        slowest = max(latencies, key=lambda one: one.p95)
        figures["slowest p95"] = f"{slowest.p95:,.1f} ms ({slowest.model})"
    return figures


def _charts(
    reader: Reader,
    selection: Selection,
    found: Mapping[str, AggregationResult],
    failed: Mapping[str, AggregationResult],
) -> Iterable[Chart]:
    yield bars_over_time("Volume", "documents that were scored", _pairs(found["time"]))
    if buckets(failed["time"]):
        yield bars_over_time(
            "Calls without documents", "calls that failed or carried none", _pairs(failed["time"]), "calls"
        )
    yield bars_by_name("Kinds", "what they are", _pairs(found["kinds"]), "kind")
    yield bars_by_name("Languages", "as the callers say; none is unknown", _pairs(found["languages"]), "language")
    yield bars_by_name("Sources", "where they come from", _pairs(found["sources"]), "source")
    yield from _lengths(reader, selection, found["length"], found["lengths"])


def _lengths(
    reader: Reader, selection: Selection, length: AggregationResult, usual: AggregationResult
) -> Iterable[Chart]:
    longest = float(length.get("max") or 0) if isinstance(length, Mapping) else 0.0
    common = max(map(float, usual.values()), default=longest) if isinstance(usual, Mapping) else longest
    width = nice(common / BINS * 1.3)
    if not longest or longest / width > MOST_BINS:
        return
    bins = buckets(reader.aggregate(selection, {"bins": Histogram("document.length", width)})["bins"])
    shown = [(float(one.key), "", one.count) for one in bins if float(one.key) <= common * 2]
    beyond = sum(one.count for one in bins) - sum(count for _, _, count in shown)
    says = "characters of the text" + (f"; {beyond:,} are longer than shown" if beyond else "")
    yield distribution("Lengths", says, shown, width, name="characters")


def _latencies(reader: Reader, selection: Selection, models: Iterable[str]) -> Iterable[Latency]:
    for model in models:
        own = both(selection, Equals(FIELDS["model.id"], model))
        versions = buckets(reader.aggregate(own, {"versions": Terms("model.version", 4)})["versions"])
        for version in versions:
            here = both(own, Equals(FIELDS["model.version"], str(version.key)))
            took = reader.aggregate(here, {"took": Percentiles("rpc.duration_ms", PERCENTS)})["took"]
            if isinstance(took, Mapping) and took:
                yield Latency(model, str(version.key), version.count, *map(float, took.values()))


def nice(width: float) -> float:
    """Return a width of bins that people would choose: 1, 2 or 5 times a power of ten, at least 1."""
    size = 1.0
    while size * 10 <= width:
        size *= 10
    return max((step * size for step in _NICE if step * size <= max(width, 1.0)), default=1.0)


def _pairs(result: AggregationResult) -> list[tuple[str, int]]:
    return [(str(one.key), one.count) for one in buckets(result)]
