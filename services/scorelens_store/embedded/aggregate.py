"""Aggregations over the index's columns, exact."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

Summing = Mapping[str, Any]
_COUNTING: Final[Summing] = {}


def aggregate(snapshot: Snapshot, node: Node, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
    """Return the result of each aggregation by name."""
    fields = {name: aggregated_field(aggregation) for name, aggregation in aggregations.items()}
    return {name: _one(snapshot, node, fields[name], aggregation) for name, aggregation in aggregations.items()}


def _one(snapshot: Snapshot, node: Node, field: Field, aggregation: Aggregation) -> AggregationResult:
    if isinstance(aggregation, Terms):
        return _terms(snapshot, node, field, aggregation.limit, _summing(snapshot, aggregation))
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


def _terms(snapshot: Snapshot, node: Node, field: Field, limit: int, summing: Summing) -> list[Bucket]:
    size = min(limit, MAX_BUCKETS - 1) + 1
    while True:
        found = _buckets(snapshot, node, field, size, {"_count": "desc"}, summing=summing)
        found.sort(key=lambda bucket: (-bucket.count, bucket.key))
        # Values that tie with the last one may have been left out.
        whole = len(found) < size
        if whole or (len(found) > limit and found[limit - 1].count > found[-1].count):
            return found[:limit]
        if size == MAX_BUCKETS:
            return _with_ties(snapshot, node, field, found, limit, summing)
        size = min(size * 4, MAX_BUCKETS)


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
    prefix = "" if field.name in FIELDS else keyed(field.name, "")
    terms: dict[str, Any] = {"field": KEYED if prefix else field.name, "size": size, "order": order}
    if prefix or after is not None:
        pattern = ANY_RUN if after is None else "|".join(after_patterns(after, included=False))
        terms["include"] = f"{escape(prefix)}({pattern})"
    found = _run(snapshot, node, {"terms": {**terms, "segment_size": _WHOLE_SEGMENT}, **summing})["buckets"]
    return [_bucket(bucket["key"].removeprefix(prefix), bucket, summing) for bucket in found]


def count_values(
    snapshot: Snapshot, node: Node, field: Field, most: int, *, least: int = 1, among: Sequence[str] | None = None
) -> dict[str, int]:
    """Return how many records have each value of a keyword field, of some values or of those frequent enough."""
    prefix = "" if field.name in FIELDS else keyed(field.name, "")
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
    steps = _FLOATS if field.type is Type.FLOAT else _INTEGERS
    total = int(statistics["count"])
    bounds = steps.step(statistics["min"]), steps.step(statistics["max"])
    return {str(percent): _at_rank(snapshot, node, field, steps, bounds, percent / 100 * total) for percent in percents}


def _at_rank(
    snapshot: Snapshot, node: Node, field: Field, steps: _Steps, bounds: tuple[int, int], rank: float
) -> float:
    low, high = bounds
    while low < high:
        middle = (low + high) // 2
        if snapshot.count(All((node, Range(field, None, steps.value(middle))))) >= rank:
            high = middle
        else:
            low = middle + 1
    return steps.value(low)


@dataclass(frozen=True)
class _Steps:
    """Numbers a type's values in their order, so that halving finds one of them."""

    step: Callable[[float], int]
    value: Callable[[int], float]


def _float_step(value: float) -> int:
    bits: int = struct.unpack("<i", struct.pack("<f", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def _float_value(step: int) -> float:
    bits = step if step >= 0 else -step - 0x80000000
    value: float = struct.unpack("<f", struct.pack("<i", bits))[0]
    return value


_FLOATS: Final = _Steps(_float_step, _float_value)
_INTEGERS: Final = _Steps(int, int)
