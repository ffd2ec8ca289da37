"""What of a listing goes into a file, and which kind of file (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, cast

from scorelens_console.access.identity import Identity, Role
from scorelens_console.access.policy import is_column_for_viewers
from scorelens_console.errors import BadRequestError
from scorelens_reading.stored import Stored
from scorelens_reading.tables import files
from scorelens_reading.tables.arrow import batches_of, schema_of
from scorelens_reading.tables.columns import FORMS, RECORD, Columns, Form, Row, columns_of
from scorelens_reading.tables.rows import MAKERS, rows_by
from scorelens_store.contract import Sort

MOST_TAGS: Final = 200
"""Tags that have a column of their own."""
MOST_RANKED: Final = 10_000
"""Documents that are exported by relevance, whose order the store has to hold; more go by time."""


class Kind(NamedTuple):
    """A kind of file: what browsers are told that it is, and what people are."""

    media_type: str
    title: str


KINDS: Final[Mapping[str, Kind]] = {
    "csv": Kind("text/csv; charset=utf-8", "CSV"),
    "jsonl": Kind("application/x-ndjson", "JSON lines"),
    "parquet": Kind("application/vnd.apache.parquet", "Parquet"),
}
"""Kinds of files by the end of their names."""
TABLES: Final[Mapping[Form, str]] = {
    "documents": "a row for each document",
    "scores": "a row for each tag",
    "terms": "a row for each term of a calculation",
}


def exports_of(identity: Identity) -> Mapping[str, Sequence[tuple[str, str, str]]]:
    """Return what is offered to somebody: of each table, its form, its name and the title of each kind of file."""
    return {
        TABLES[table]: [(kind, table, described.title) for kind, described in KINDS.items()]
        for table in _tables_for(identity)
    }


@dataclass(frozen=True)
class Export:
    """A table in a kind of file, of the columns that somebody may see."""

    kind: str
    table: Form
    columns: Columns
    tags: tuple[str, ...]
    _places: tuple[int, ...]

    def name(self, now: datetime) -> str:
        """Return the name of the file."""
        return f"scorelens-{self.table}-{now:%Y%m%dT%H%M%S}.{self.kind}"

    def parts(self, records: Iterable[Stored]) -> Iterator[bytes]:
        """Yield the file's parts as records come."""
        if self.kind == "parquet":
            schema = schema_of(self.columns)
            return files.parquet_parts(schema, batches_of(schema, records, self._rows))
        if self.kind == "csv":
            return files.csv_parts(self.columns, self._rows(records), for_spreadsheets=True)
        return files.lines(self.columns, self._rows(records))

    def _rows(self, records: Iterable[Stored]) -> Iterator[Row]:
        rows = rows_by(MAKERS[self.table], records, self.tags)
        return (tuple(row[place] for place in self._places) for row in rows)


def read_export(kind: str, table: str, tags: Iterable[str], identity: Identity) -> Export:
    """Read what is asked for; `tags` are all there are. Raises BadRequestError, NotAllowedError."""
    if kind not in KINDS:
        raise BadRequestError(f"form: {kind!r} is none of {', '.join(KINDS)}", "form")
    if table not in FORMS:
        raise BadRequestError(f"table: {table!r} is none of {', '.join(FORMS)}", "table")
    form = cast("Form", table)
    if form not in _tables_for(identity):
        identity.require(Role.SCIENTIST)
    wide = tuple(sorted(tags)[:MOST_TAGS]) if form == "documents" else ()
    every = columns_of(RECORD, form, wide)
    places = [place for place, name in enumerate(every) if identity.is_scientist or is_column_for_viewers(name)]
    names = list(every)
    return Export(kind, form, {names[place]: every[names[place]] for place in places}, wide, tuple(places))


def order_of(sort: Sort, total: int) -> Sort:
    """Return the order of an export: the listing's own, but for very many by relevance."""
    return Sort("@timestamp") if sort.field is None and total > MOST_RANKED else sort


def _tables_for(identity: Identity) -> Sequence[Form]:
    return [table for table in TABLES if table != "terms" or identity.is_scientist]
