"""What a console's API and those who call it exchange, as JSON: questions, and what was found (pure).

Each `write_…` is undone by the `read_…` of its name. What is read here comes from a console; what a console is asked is
checked by its API.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from scorelens_store.contract import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogram,
    Histogram,
    Hit,
    Hits,
    Percentiles,
    Selection,
    SignificantWord,
    SignificantWords,
    Sort,
    Statistics,
    Terms,
)
from scorelens_store.errors import QueryError
from scorelens_store.fields import find_field
from scorelens_store.query.as_json import write_node

Json = dict[str, Any]

RELEVANCE: Final = "relevance"
AGGREGATIONS: Final[Mapping[str, type[Aggregation]]] = {
    "terms": Terms,
    "histogram": Histogram,
    "date_histogram": DateHistogram,
    "statistics": Statistics,
    "percentiles": Percentiles,
}
_NAMES: Final = {kind: name for name, kind in AGGREGATIONS.items()}


def write_selection(selection: Selection) -> Json:
    """Return a selection as a console is asked for it. Raises QueryError for a query that JSON cannot hold."""
    return {
        "query": write_node(selection.query),
        "since": _moment(selection.since),
        "until": _moment(selection.until),
        "purposes": list(selection.purposes),
        "calls": selection.calls,
    }


def write_sort(sort: Sort) -> str:
    """Return an order as FIELD:asc or FIELD:desc."""
    return f"{sort.field or RELEVANCE}:{'desc' if sort.descending else 'asc'}"


def read_sort(text: str) -> Sort:
    """Read FIELD, FIELD:asc, FIELD:desc or the same of relevance; the greatest come first. Raises QueryError."""
    name, colon, direction = text.rpartition(":")
    if direction not in ("asc", "desc") or not colon:
        name, direction = text, "desc"
    if name == RELEVANCE:
        return Sort(None, descending=direction == "desc")
    field = find_field(name)
    if field is None:
        raise QueryError(f"sort: there is no field {name!r}")
    return Sort(field.name, descending=direction == "desc")


def write_aggregation(aggregation: Aggregation) -> Json:
    """Return an aggregation."""
    return {_NAMES[type(aggregation)]: dict(vars(aggregation))}


def write_hits(hits: Hits) -> Json:
    """Return a page of hits."""
    return {"total": hits.total, "hits": [_hit(hit) for hit in hits.hits]}


def read_hits(value: Json) -> Hits:
    """Read a page of hits."""
    found = [Hit(one["record"], one["score"], one["highlights"], tuple(one["sort"])) for one in value["hits"]]
    return Hits(value["total"], found)


def write_result(result: AggregationResult) -> Json:
    """Return what an aggregation has found."""
    if isinstance(result, Mapping):
        return {"values": dict(result)}
    return {"buckets": [_bucket(bucket) for bucket in result]}


def read_result(value: Json, aggregation: Aggregation) -> AggregationResult:
    """Read what an aggregation has found."""
    if "values" in value:
        return dict(value["values"])
    is_time = isinstance(aggregation, DateHistogram)
    return [
        Bucket(datetime.fromisoformat(one["key"]) if is_time else one["key"], one["count"], one.get("sum"))
        for one in value["buckets"]
    ]


def write_words(words: SignificantWords) -> Json:
    """Return words that mark some records."""
    return vars(words) | {"words": [vars(word) for word in words.words]}


def read_words(value: Json) -> SignificantWords:
    """Read words that mark some records."""
    return SignificantWords(**value | {"words": tuple(SignificantWord(**word) for word in value["words"])})


def _hit(hit: Hit) -> Json:
    highlights = {name: list(snippets) for name, snippets in hit.highlights.items()}
    return {"record": hit.record, "score": hit.score, "highlights": highlights, "sort": list(hit.sort)}


def _bucket(bucket: Bucket) -> Json:
    key = _moment(bucket.key) if isinstance(bucket.key, datetime) else bucket.key
    return {"key": key, "count": bucket.count} | ({} if bucket.sum is None else {"sum": bucket.sum})


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
