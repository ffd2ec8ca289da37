"""The order of hits and the place of a hit in it (pure); a place is (value, microseconds, record id) in every store."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from scorelens_store.elasticsearch.mapping import EXACT_DATES
from scorelens_store.elasticsearch.query import column
from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS, Field, Type

TIME: Final = FIELDS["@timestamp"]

_LEAST, _GREATEST = -(2**63), 2**63 - 1
_UNMAPPED: Final = {Type.FLOAT: "float", Type.INTEGER: "long", Type.DATE: "long"}


@dataclass(frozen=True)
class Order:
    """By a field, or by relevance where it is None; records without the field last; ties by time and record id."""

    field: Field | None
    descending: bool

    def clauses(self) -> list[dict[str, Any]]:
        """Return the `sort` of a request."""
        direction = "desc" if self.descending else "asc"
        ties = [{EXACT_DATES[TIME.name]: {"order": direction}}, {"record.id": {"order": "asc"}}]
        if self.field is None:
            return [{"_score": {"order": direction}}, *ties]
        if self.field == TIME:
            return ties
        by = {"order": direction, "missing": "_last", "unmapped_type": _UNMAPPED.get(self.field.type, "keyword")}
        return [{column(self.field): by}, *ties]

    def place(self, sort: list[Any]) -> tuple[Any, ...]:
        """Return a hit's place from the `sort` values of an answer, and nothing of what the server sorts by further."""
        if self.field == TIME:
            return (sort[0], *sort[:2])
        value = sort[0]
        return (None if self._missing() in (value, _number(value)) else value, *sort[1:3])

    def after(self, place: tuple[Any, ...]) -> list[Any]:
        """Return the `search_after` of a request; undoes `place`. Raises QueryError."""
        if len(place) != 3 or not isinstance(place[1], int) or not isinstance(place[2], str):
            raise QueryError("`after` is not the sort of a hit: it has a value, a time in microseconds and a record id")
        if self.field == TIME:
            return list(place[1:])
        value, time, record_id = place
        if value is None and isinstance(missing := self._missing(), float):
            # JSON has no number for it; the server reads the word.
            return ["-Infinity" if missing < 0 else "Infinity", time, record_id]
        return [self._missing() if value is None else value, time, record_id]

    def _missing(self) -> Any:
        """Return what the server puts in place of a missing value."""
        match self.field.type if self.field else None:
            case Type.INTEGER | Type.DATE:
                return _LEAST if self.descending else _GREATEST
            case Type.FLOAT:
                return -math.inf if self.descending else math.inf
        return None


def _number(value: Any) -> Any:
    return float(value) if value in ("Infinity", "-Infinity") else value
