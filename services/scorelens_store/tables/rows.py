"""A record as rows of the three tables, and back without loss (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import orjson

from scorelens_store.contract import Record
from scorelens_store.tables import kinds
from scorelens_store.tables.columns import BY_TAG, CALCULATION, DOCUMENT, REST, TERM, Column

Row = dict[str, Any]


class Terms(NamedTuple):
    """The terms of one tag, as parallel lists in the order of the calculation."""

    feature: list[str]
    value: list[float | None]
    coefficient: list[float | None]
    contribution: list[float | None]


class Rows(NamedTuple):
    """What a record is in the tables: its row of `documents`, its rows of `scores`, and beside each those of `terms`.

    Rows have the columns of their own; those that `scores` and `terms` repeat are added when tables are made of them.
    Times are microseconds since 1970, maps lists of pairs.
    """

    document: Row
    scores: list[Row]
    terms: list[Terms]


def rows_of(record: Record) -> Rows:
    """Return the rows of a record."""
    calculations = _calculations(record)
    scores = list(_score_rows(record, calculations))
    terms = [_terms(calculations.get(row["tag"], {})) for row in scores]
    for row, of_tag in zip(scores, terms, strict=True):
        row["term_count"] = len(of_tag.feature)
    document = _read(DOCUMENT, record) | {"tag_count": len(scores), REST: None}
    rows = Rows(document, scores, terms)
    rest = _rest(record, record_of(rows))
    if rest:
        document[REST] = orjson.dumps(rest).decode()
    return rows


def record_of(rows: Rows) -> Record:
    """Return the record of rows; undoes `rows_of`."""
    record = _write(DOCUMENT, rows.document)
    for column, (name, _) in BY_TAG.items():
        by_tag = {row["tag"]: row[column] for row in rows.scores if row[column] is not None}
        if by_tag:
            record[name] = by_tag
    calculations = [
        _calculation(row, terms)
        for row, terms in zip(rows.scores, rows.terms, strict=True)
        if row["explanation"] is not None
    ]
    if calculations:
        record["calculation"] = calculations
    if rows.document[REST] is None:
        return record
    rest = orjson.loads(rows.document[REST])
    absent = {name for name, part in rest.items() if part is None and name in record}
    return {name: part for name, part in (record | rest).items() if name not in absent}


def _rest(record: Record, rebuilt: Record) -> Record:
    """Return the members of a record that its rows do not give back exactly, and null for those that it has not."""
    differing = {name: part for name, part in record.items() if name not in rebuilt or rebuilt[name] != part}
    return differing | {name: None for name in rebuilt if name not in record}


def _read(columns: Sequence[Column], source: Mapping[str, Any]) -> Row:
    row = {}
    for column in columns:
        value: Any = source
        for name in column.path:
            value = value.get(name) if type(value) is dict else None
        row[column.name] = None if value is None else column.kind.read(value)
    return row


def _write(columns: Sequence[Column], row: Row) -> dict[str, Any]:
    source: dict[str, Any] = {}
    for column in columns:
        value = row[column.name]
        if value is None:
            continue
        part = source
        for name in column.path[:-1]:
            part = part.setdefault(name, {})
        part[column.path[-1]] = column.kind.write(value)
    return source


def _score_rows(record: Record, calculations: Mapping[str, Row]) -> Iterator[Row]:
    by_tag = {column: _object(record.get(name)) for column, (name, _) in BY_TAG.items()}
    chosen = kinds.texts(record.get("tags")) or ()
    for number, tag in enumerate(dict.fromkeys(chain(calculations, *by_tag.values(), chosen))):
        row: Row = {"number": number, "tag": tag, "selected": tag in chosen}
        calculation = calculations.get(tag, {})
        for column, (name, kind) in BY_TAG.items():
            value = by_tag[column].get(tag)
            if value is None and type(record.get(name, {})) is dict:
                value = calculation.get(column)  # some senders leave to the calculation what it has anyway
            row[column] = kind.read(value)
        yield row | _read(CALCULATION, calculation)


def _calculations(record: Record) -> dict[str, Row]:
    found = record.get("calculation")
    parts = [part for part in found if type(part) is dict] if type(found) is list else []
    return {part["tag"]: part for part in parts if type(part.get("tag")) is str}


def _terms(calculation: Mapping[str, Any]) -> Terms:
    features = kinds.texts(calculation.get("feature"))
    columns = [kinds.numbers(calculation.get(name)) for name in TERM if name != "feature"]
    if features is None or any(column is None or len(column) != len(features) for column in columns):
        return Terms([], [], [], [])
    return Terms(features, *columns)  # type: ignore[arg-type]


def _calculation(row: Row, terms: Terms) -> dict[str, Any]:
    return {
        "tag": row["tag"],
        **{name: row[name] for name in _ALSO_BY_TAG},
        **_NUMBERS_OR_NULL,
        **_write(CALCULATION, row),
        **dict(zip(TERM, terms, strict=True)),
        "selected": row["selected"],
    }


def _object(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


_ALSO_BY_TAG: Final = ("probability", "margin", "threshold")
# A number of a calculation that is not finite is null there, and an empty cell in the table.
_NUMBERS_OR_NULL: Final = {"intercept": None, "remainder": None}
