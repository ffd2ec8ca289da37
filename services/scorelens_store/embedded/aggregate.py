"""Aggregations over the index's columns, exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from scorelens_store.contract import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogram,
    Histogram,
    Percentiles,
    Statistics,
    Terms,
)
from scorelens_store.embedded.schema import KEYED, keyed
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.embedded.translate import ANY_RUN, after_patterns, escape
from scorelens_store.fields import FIELDS, Field, Type
from scorelens_store.query.tree import All, Node, Range
from scorelens_store.selection import MAX_BUCKETS, aggregated_field, summed_field, too_many_buckets
from scorelens_store.values import from_microseconds

_WHOLE_SEGMENT: Final = 2**31 - 1
_SECOND: Final = 1_000_000
_BINS: Final = 1024
_CLOSE: Final = 0.001
"""Part of all records that may share the last bin of a percentile."""

Summing = Mapping[str, Any]
_COUNTING: Final[Summing] = {}
_MOST_FIRST: Final = {"_count": "desc"}


def aggregate(snapshot: Snapshot, node: Node, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
    """Return the result of each aggregation by name."""
    fields = {name: aggregated_field(aggregation) for name, aggregation in aggregations.items()}
    counted = _counted_together(snapshot, node, fields, aggregations)
    return {
        name: _one(snapshot, node, fields[name], aggregation, counted.get(name))
        for name, aggregation in aggregations.items()
    }


def _one(
    snapshot: Snapshot, node: Node, field: Field, aggregation: Aggregation, counted: list[Bucket] | None
) -> AggregationResult:
    if isinstance(aggregation, Terms):
        return _terms(snapshot, node, field, aggregation.limit, _summing(snapshot, aggregation), counted)
    column = snapshot.translator.column(field)
    match aggregation:
        case Histogram(width=width):
            return [] if column is None else _histogram(snapshot, node, column, width)
        case DateHistogram(seconds=seconds):
            buckets = _histogram(snapshot, node, field.name, seconds * _SECOND, _summing(snapshot, aggregation))
            return [Bucket(from_microseconds(int(bucket.key)), bucket.count, bucket.sum) for bucket in buckets]
        case Statistics():
            return {} if column is None else _statistics(snapshot, node, column)
        case Percentiles(percents=percents):
            return {} if column is None else _percentiles(snapshot, node, field, column, percents)


def _counted_together(
    snapshot: Snapshot, node: Node, fields: Mapping[str, Field], aggregations: Mapping[str, Aggregation]
) -> dict[str, list[Bucket]]:
    """Return the most frequent values of each field, found in one pass over the matches where there are several."""
    several = {name: one for name, one in aggregations.items() if isinstance(one, Terms)}
    if len(several) < 2 or sum(_first_size(one.limit) for one in several.values()) > MAX_BUCKETS:
        return {}
    summing = {name: _summing(snapshot, one) for name, one in several.items()}
    requests = {
        name: _request(fields[name], _first_size(one.limit), _MOST_FIRST, summing=summing[name])
        for name, one in several.items()
    }
    try:
        result = snapshot.searcher.aggregate(snapshot.translator.query(node), requests)
    except ValueError:  # too much for one pass, and maybe not one by one
        return {}
    return {name: _read(result[name], fields[name], summing[name]) for name in several}


def _run(snapshot: Snapshot, node: Node, request: dict[str, Any]) -> dict[str, Any]:
    try:
        result = snapshot.searcher.aggregate(snapshot.translator.query(node), {"result": request})
    except ValueError as exc:
        if "bucket limit" in str(exc):
            raise too_many_buckets() from exc
        raise
    found: dict[str, Any] = result["result"]
    return found


def _summing(snapshot: Snapshot, aggregation: Terms | DateHistogram) -> Summing:
    """Return what is asked for in each bucket beside its count."""
    field = summed_field(aggregation)
    column = snapshot.translator.column(field) if field else None
    return {"aggs": {"sum": {"sum": {"field": column}}}} if column else {}


def _bucket(key: Any, found: Mapping[str, Any], summing: Summing) -> Bucket:
    return Bucket(key, found["doc_count"], float(found["sum"]["value"] or 0) if summing else None)


def _terms(
    snapshot: Snapshot, node: Node, field: Field, limit: int, summing: Summing, counted: list[Bucket] | None
) -> list[Bucket]:
    size = _first_size(limit)
    while True:
        if counted is None:
            counted = _buckets(snapshot, node, field, size, _MOST_FIRST, summing=summing)
        found, counted = counted, None
        found.sort(key=lambda bucket: (-bucket.count, bucket.key))
        # Values that tie with the last one may have been left out.
        whole = len(found) < size
        if whole or (len(found) > limit and found[limit - 1].count > found[-1].count):
            return found[:limit]
        if size == MAX_BUCKETS:
            return _with_ties(snapshot, node, field, found, limit, summing)
        size = min(size * 4, MAX_BUCKETS)


def _first_size(limit: int) -> int:
    return min(limit, MAX_BUCKETS - 1) + 1


def _with_ties(
    snapshot: Snapshot, node: Node, field: Field, found: list[Bucket], limit: int, summing: Summing
) -> list[Bucket]:
    tied = found[-1].count
    kept = [bucket for bucket in found if bucket.count > tied][:limit]
    last: str | None = None
    while len(kept) < limit:
        page = _buckets(snapshot, node, field, MAX_BUCKETS, {"_key": "asc"}, last, summing)
        kept.extend([bucket for bucket in page if bucket.count == tied][: limit - len(kept)])
        if len(page) < MAX_BUCKETS:
            break
        last = page[-1].key
    return kept


def _buckets(
    snapshot: Snapshot,
    node: Node,
    field: Field,
    size: int,
    order: dict[str, str],
    after: str | None = None,
    summing: Summing = _COUNTING,
) -> list[Bucket]:
    return _read(_run(snapshot, node, _request(field, size, order, after, summing)), field, summing)


def _request(
    field: Field, size: int, order: dict[str, str], after: str | None = None, summing: Summing = _COUNTING
) -> dict[str, Any]:
    prefix = _prefix(field)
    terms: dict[str, Any] = {"field": KEYED if prefix else field.name, "size": size, "order": order}
    if prefix or after is not None:
        pattern = ANY_RUN if after is None else "|".join(after_patterns(after, included=False))
        terms["include"] = f"{escape(prefix)}({pattern})"
    return {"terms": {**terms, "segment_size": _WHOLE_SEGMENT}, **summing}


def _read(result: Mapping[str, Any], field: Field, summing: Summing) -> list[Bucket]:
    prefix = _prefix(field)
    return [_bucket(bucket["key"].removeprefix(prefix), bucket, summing) for bucket in result["buckets"]]


def _prefix(field: Field) -> str:
    return "" if field.name in FIELDS else keyed(field.name, "")


def count_values(
    snapshot: Snapshot, node: Node, field: Field, most: int, *, least: int = 1, among: Sequence[str] | None = None
) -> dict[str, int]:
    """Return how many records have each value of a keyword field, of some values or of those frequent enough."""
    prefix = _prefix(field)
    terms: dict[str, Any] = {"field": KEYED if prefix else field.name, "size": most, "min_doc_count": least}
    if among is not None:
        terms["include"] = [prefix + value for value in among]
    elif prefix:
        terms["include"] = f"{escape(prefix)}({ANY_RUN})"
    found = _run(snapshot, node, {"terms": {**terms, "segment_size": _WHOLE_SEGMENT}})["buckets"]
    return {bucket["key"].removeprefix(prefix): bucket["doc_count"] for bucket in found}


def _histogram(snapshot: Snapshot, node: Node, column: str, width: float, summing: Summing = _COUNTING) -> list[Bucket]:
    request = {"histogram": {"field": column, "interval": width, "min_doc_count": 1}, **summing}
    return [_bucket(bucket["key"], bucket, summing) for bucket in _run(snapshot, node, request)["buckets"]]


def _statistics(snapshot: Snapshot, node: Node, column: str) -> dict[str, float]:
    found = _run(snapshot, node, {"stats": {"field": column}})
    if not found["count"]:
        return {}
    return {name: found[name] for name in ("count", "min", "max", "sum")} | {"mean": found["avg"]}


def _percentiles(
    snapshot: Snapshot, node: Node, field: Field, column: str, percents: tuple[float, ...]
) -> dict[str, float]:
    """Return the value at each rank, found by counting: sketches miss by too much where values lie close together."""
    statistics = _statistics(snapshot, node, column)
    if not statistics:
        return {}
    total = int(statistics["count"])
    counts: dict[tuple[float, float], list[Bucket]] = {}

    def bins(low: float, high: float) -> list[Bucket]:
        if (low, high) not in counts:
            here = All((node, Range(field, *_bounds(field, low, high))))
            counts[low, high] = _histogram(snapshot, here, column, _bin_width(field, low, high))
        return counts[low, high]

    ends = statistics["min"], statistics["max"]
    ranges = [_range_of_rank(field, bins, ends, percent / 100 * total, total) for percent in percents]
    return {
        str(percent): _greatest(snapshot, node, field, column, *found)
        for percent, found in zip(percents, ranges, strict=True)
    }


def _range_of_rank(
    field: Field, bins: Callable[[float, float], list[Bucket]], ends: tuple[float, float], rank: float, total: int
) -> tuple[float, float]:
    """Return a range of values in which a rank lies and hardly any other does: one bin of bins of bins."""
    (low, high), before = ends, 0
    while high > low:
        width = _bin_width(field, low, high)
        for bucket in bins(low, high):
            if before + bucket.count >= rank:
                break
            before += bucket.count
        else:
            return high, high
        found = max(low, float(bucket.key)), min(high, float(bucket.key) + width)
        if bucket.count <= max(1, total * _CLOSE) or found == (low, high) or width <= _finest(field, low, high):
            return found
        low, high = found
    return low, high


def _greatest(snapshot: Snapshot, node: Node, field: Field, column: str, low: float, high: float) -> float:
    found = _statistics(snapshot, All((node, Range(field, *_bounds(field, low, high)))), column)
    return float(found["max"]) if found else high


def _bin_width(field: Field, low: float, high: float) -> float:
    width = high / _BINS - low / _BINS
    return max(1.0, math.ceil(width)) if field.type is Type.INTEGER else width or _finest(field, low, high)


def _finest(field: Field, low: float, high: float) -> float:
    """Return a width of bins below which nothing more is told apart: numbers have 32 bits."""
    return 1.0 if field.type is Type.INTEGER else max(abs(low), abs(high)) * 2**-24 or 2**-149


def _bounds(field: Field, low: float, high: float) -> tuple[float, float]:
    return (math.floor(low), math.ceil(high)) if field.type is Type.INTEGER else (low, high)
