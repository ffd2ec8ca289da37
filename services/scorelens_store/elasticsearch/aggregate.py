"""Aggregations: requests, and answers read back. Counts are exact however many indices there are."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
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
from scorelens_store.elasticsearch.query import Query, column
from scorelens_store.errors import QueryError
from scorelens_store.selection import aggregated_field, summed_field, too_many_buckets
from scorelens_store.values import from_microseconds

_TERMS_AT_ONCE: Final = 10_000
_COMPRESSION: Final = 1_000
_SECOND: Final = 1_000_000
Search = Callable[[dict[str, Any]], dict[str, Any]]


def aggregate(search: Search, query: Query, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
    """Return the result of each aggregation by name; `search` sends the body of a request."""
    requests = {str(number): to_request(aggregation) for number, aggregation in enumerate(aggregations.values())}
    if not requests:
        return {}
    try:
        answer = search({"query": query, "size": 0, "track_total_hits": False, "aggs": requests})
    except QueryError as exc:
        if "buckets" in exc.reason:
            raise too_many_buckets() from exc
        raise
    found = answer.get("aggregations", {})
    return {
        name: _read(search, query, aggregation, found.get(str(number), {}))
        for number, (name, aggregation) in enumerate(aggregations.items())
    }


def to_request(aggregation: Aggregation) -> dict[str, Any]:
    """Return an aggregation as the server reads it. Raises QueryError where its field does not fit."""
    field = column(aggregated_field(aggregation))
    match aggregation:
        case Terms(limit=limit):
            size = min(limit, _TERMS_AT_ONCE)
            order = [{"_count": "desc"}, {"_key": "asc"}]
            terms = {"field": field, "size": size, "shard_size": _TERMS_AT_ONCE, "order": order}
            return {"terms": terms} | _summing(aggregation)
        case Histogram(width=width):
            return {"histogram": {"field": field, "interval": width, "min_doc_count": 1}}
        case DateHistogram(seconds=seconds):
            histogram = {"field": field, "interval": seconds * _SECOND, "min_doc_count": 1}
            return {"histogram": histogram} | _summing(aggregation)
        case Statistics():
            return {"stats": {"field": field}}
        case Percentiles(percents=percents):
            digest = {"compression": _COMPRESSION, "execution_hint": "high_accuracy"}
            return {"percentiles": {"field": field, "percents": percents, "keyed": False, "tdigest": digest}}


def _read(search: Search, query: Query, aggregation: Aggregation, found: dict[str, Any]) -> AggregationResult:
    buckets = found.get("buckets", ())
    match aggregation:
        case Terms(limit=limit):
            # A server that had to guess says so; then all values are counted one page after the other.
            whole = not found.get("doc_count_error_upper_bound") and (
                len(buckets) >= limit or not found.get("sum_other_doc_count")
            )
            return (
                [Bucket(str(each["key"]), each["doc_count"], _sum(each)) for each in buckets]
                if whole
                else _every(search, query, aggregation)
            )
        case Histogram():
            return [Bucket(each["key"], each["doc_count"]) for each in buckets]
        case DateHistogram():
            return [Bucket(from_microseconds(int(each["key"])), each["doc_count"], _sum(each)) for each in buckets]
        case Statistics():
            if not found.get("count"):
                return {}
            return {name: found[name] for name in ("count", "min", "max", "sum")} | {"mean": found["avg"]}
        case Percentiles(percents=percents):
            values = [each["value"] for each in found.get("values", ())]
            return {} if None in values else dict(zip(map(str, percents), values, strict=False))


def _summing(aggregation: Terms | DateHistogram) -> dict[str, Any]:
    field = summed_field(aggregation)
    return {"aggs": {"sum": {"sum": {"field": column(field)}}}} if field else {}


def _sum(bucket: dict[str, Any]) -> float | None:
    return float(bucket["sum"]["value"]) if "sum" in bucket else None


def _every(search: Search, query: Query, terms: Terms) -> list[Bucket]:
    return heapq.nsmallest(terms.limit, _pages(search, query, terms), key=lambda bucket: (-bucket.count, bucket.key))


def _pages(search: Search, query: Query, terms: Terms) -> Iterator[Bucket]:
    source = {"value": {"terms": {"field": column(aggregated_field(terms))}}}
    after: dict[str, Any] = {}
    while True:
        composite = {"size": _TERMS_AT_ONCE, "sources": [source], **({"after": after} if after else {})}
        request = {"page": {"composite": composite} | _summing(terms)}
        body = {"query": query, "size": 0, "track_total_hits": False, "aggs": request}
        page = search(body)["aggregations"]["page"]
        yield from (Bucket(str(each["key"]["value"]), each["doc_count"], _sum(each)) for each in page["buckets"])
        after = page.get("after_key", {})
        if not after:
            return
