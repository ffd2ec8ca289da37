"""The columns of a chart's table: what Lens asks Elasticsearch for.

A column is a bucket (terms, dates, a histogram, ranges of queries) or a number for each bucket. Kibana makes one
aggregation of each, buckets around numbers, in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from scorelens_client.kibana.lucene import query
from scorelens_client.kibana.saved import Json

TIME: Final = "@timestamp"
DATE, NUMBER, STRING = "date", "number", "string"
BY_COLUMN: Final = "column"
"""Placeholder of `orderBy` for a terms column that is ordered by the first number of its table."""


@dataclass(frozen=True)
class Column:
    """One column: Lens' operation on a field, its label, and the query that its numbers are counted in."""

    operation: str
    label: str
    source: str
    params: Mapping[str, Any]
    bucket: bool = False
    type: str = NUMBER
    scale: str = "ratio"
    only: str = ""
    color: str = ""

    def within(self, lucene: str, color: str = "") -> Column:
        """Return the column for the records of a query alone."""
        return replace(self, only=lucene, color=color or self.color)

    def named(self, label: str) -> Column:
        """Return the column by another name."""
        return replace(self, label=label)

    def to_lens(self, first_number: str) -> Json:
        """Return Lens' column; `first_number` is the id that terms are ordered by."""
        params = dict(self.params)
        if params.get("orderBy") == BY_COLUMN:
            params["orderBy"] = {"type": "column", "columnId": first_number}
        lens: Json = {
            "customLabel": True,
            "dataType": self.type,
            "isBucketed": self.bucket,
            "label": self.label,
            "operationType": self.operation,
            "params": params,
            "scale": self.scale,
        }
        if self.source:
            lens["sourceField"] = self.source
        return lens | ({"filter": query(self.only)} if self.only else {})


def count(label: str = "Documents") -> Column:
    """Count records."""
    return Column("count", label, "___records___", {"emptyAsNull": True})


def total(field: str, label: str) -> Column:
    """Add a number field up."""
    return Column("sum", label, field, {"emptyAsNull": True})


def average(field: str, label: str) -> Column:
    """Return the mean of a number field."""
    return Column("average", label, field, {"emptyAsNull": True})


def median(field: str, label: str) -> Column:
    """Return the middle value of a number field."""
    return Column("median", label, field, {"emptyAsNull": True})


def percentile(field: str, percent: int, label: str) -> Column:
    """Return the value that so many percent of a number field stay below."""
    return Column("percentile", label, field, {"percentile": percent})


def unique(field: str, label: str) -> Column:
    """Count the different values of a keyword field."""
    return Column("unique_count", label, field, {"emptyAsNull": True})


def terms(field: str, label: str, size: int, *, include: Sequence[str] = (), pattern: str = "") -> Column:
    """Take the values of a keyword field with the most of the first number; only those named or of a pattern."""
    params = {
        "size": size,
        "orderBy": BY_COLUMN,
        "orderDirection": "desc",
        "otherBucket": False,
        "missingBucket": False,
        "parentFormat": {"id": "terms"},
        "include": [pattern] if pattern else list(include),
        "includeIsRegex": bool(pattern),
        "exclude": [],
        "excludeIsRegex": False,
    }
    return Column("terms", label, field, params, True, STRING, "ordinal")


def dates(label: str = "Time") -> Column:
    """Divide time into as many steps as the chart has room for."""
    params = {"interval": "auto", "includeEmptyRows": True, "dropPartials": False}
    return Column("date_histogram", label, TIME, params, True, DATE, "interval")


def histogram(field: str, label: str, bars: int) -> Column:
    """Divide a number field into at most so many steps of equal width."""
    ranges = [{"from": 0, "to": 1000, "label": ""}]  # Lens keeps ranges for the day somebody switches to them
    params = {"type": "histogram", "maxBars": bars, "ranges": ranges, "includeEmptyRows": True}
    return Column("range", label, field, params, True, NUMBER, "interval")


def filters(label: str, queries: Mapping[str, str]) -> Column:
    """Make one bucket of each query, by its label."""
    made = [{"label": name, "input": query(lucene)} for name, lucene in queries.items()]
    return Column("filters", label, "", {"filters": made}, True, STRING, "ordinal")
