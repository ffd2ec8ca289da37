"""What every store reads into a selection, a sort and an aggregation, so that they mean the same everywhere.

Order: by the field, records without it last; ties by time in the same direction, then by record id ascending.
Histograms have only the buckets that hold a record; statistics are named `count`, `min`, `max`, `sum` and `mean`.
"""

from __future__ import annotations

from typing import Final

from scorelens_store.contract import (
    Aggregation,
    DateHistogram,
    Histogram,
    Percentiles,
    Selection,
    Sort,
    Statistics,
    Terms,
)
from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS, Field, Type, find_field
from scorelens_store.query.tree import All, Any, Equals, Everything, Node, Range, fields_of

STATISTICS: Final = ("count", "min", "max", "sum", "mean")
"""Names of what Statistics returns."""

MAX_BUCKETS: Final = 65_000
"""Buckets that one histogram may have; Elasticsearch's own limit is 65,536."""

SEVERAL_VALUES: Final = frozenset(
    {"tags", "because", "flags", "call.truncated", "activity.type", "activity.product", "activity.currency"}
)
"""Fields with several values per record, which no order is defined for."""

_NUMBERS: Final = (Type.FLOAT, Type.INTEGER)


def complete(selection: Selection) -> Node:
    """Return the query with its span of time and what listings leave out by default."""
    named = set(fields_of(selection.query))
    parts = [selection.query]
    if selection.since is not None or selection.until is not None:
        parts.append(Range(FIELDS["@timestamp"], selection.since, selection.until, with_high=False))
    if selection.purposes and "purpose" not in named:
        parts.append(_one_of("purpose", selection.purposes))
    if not selection.calls and "record.type" not in named:
        parts.append(_one_of("record.type", ("document",)))
    kept = tuple(part for part in parts if not isinstance(part, Everything))
    if not kept:
        return Everything()
    return kept[0] if len(kept) == 1 else All(kept)


def sort_field(sort: Sort) -> Field | None:
    """Return the field to order by, None for relevance. Raises QueryError where no order is defined."""
    if sort.field is None:
        return None
    field = _field(sort.field)
    if field.type is Type.TEXT or field.name in SEVERAL_VALUES or _is_open_keyword(field):
        raise QueryError(
            f"records cannot be sorted by {field.name}; numbers, dates and single keywords can be sorted by"
        )
    return field


def aggregated_field(aggregation: Aggregation) -> Field:
    """Return the field that an aggregation is over. Raises QueryError where its type, or a size, does not fit."""
    field = _field(aggregation.field)
    match aggregation:
        case Terms(limit=limit):
            _require(field.type in (Type.KEYWORD, Type.BOOLEAN), field, "a keyword")
            _positive(limit, "the limit of buckets")
        case Histogram(width=width):
            _require(field.type in _NUMBERS, field, "a number")
            _positive(width, "the width of a bucket")
        case DateHistogram(seconds=seconds):
            _require(field.type is Type.DATE, field, "a date")
            _positive(seconds, "the duration of a bucket")
        case Statistics() | Percentiles():
            _require(field.type in _NUMBERS, field, "a number")
    if isinstance(aggregation, Terms | DateHistogram) and aggregation.sum_of:
        summed_field(aggregation)
    if isinstance(aggregation, Percentiles) and not all(0 <= percent <= 100 for percent in aggregation.percents):
        raise QueryError("percents are from 0 to 100")
    return field


def summed_field(aggregation: Terms | DateHistogram) -> Field | None:
    """Return the field that is summed up in each bucket, None for none. Raises QueryError where it is no number."""
    if not aggregation.sum_of:
        return None
    field = _field(aggregation.sum_of)
    _require(field.type in _NUMBERS, field, "a number to sum up")
    return field


def _one_of(name: str, values: tuple[str, ...]) -> Node:
    parts = tuple(Equals(FIELDS[name], value) for value in values)
    return parts[0] if len(parts) == 1 else Any(parts)


def _field(name: str) -> Field:
    field = find_field(name)
    if field is None:
        raise QueryError(f"there is no field {name!r}")
    return field


def _is_open_keyword(field: Field) -> bool:
    return field.type is Type.KEYWORD and field.name not in FIELDS


def _require(fits: bool, field: Field, wanted: str) -> None:
    if not fits:
        raise QueryError(f"{field.name} is of type {field.type}; this aggregation needs {wanted}")


def _positive(number: float, name: str) -> None:
    if not 0 < number < float("inf"):
        raise QueryError(f"{name} must be greater than zero")


def too_many_buckets() -> QueryError:
    """Return the error of a histogram with more than MAX_BUCKETS."""
    return QueryError(f"the histogram has more than {MAX_BUCKETS:,} buckets: take wider ones")
