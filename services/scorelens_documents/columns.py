"""Which column of a file fills which field of a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from scorelens.v1.scorer_pb2 import Document
from scorelens_documents.documents import FIELDS, attribute_text, read_document
from scorelens_documents.errors import DocumentError, FileError
from scorelens_documents.row import Row, Rows
from scorelens_runtime.errors import SettingError

LOOKED_AT = 100
"""How many rows of JSONL, which has no header, are looked at for a column."""

NAMED = 30

NOTHING = "-"
"""Stands for the column of a field that is to stay empty."""


@dataclass(frozen=True)
class Columns:
    """Fields of the contract by the column that fills each; a column without a field becomes an attribute.

    Columns that have a field's name fill it unless the mapping says otherwise, which NOTHING does, too.
    """

    named: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, pairs: tuple[str, ...]) -> Columns:
        """Read `field=column` pairs. Raises ScorelensError that names a pair that is none, or an unknown field."""
        named: dict[str, str] = {}
        for pair in pairs:
            name, equals, column = pair.partition("=")
            if not equals or not column:
                raise SettingError(f"--column {pair}: write FIELD=COLUMN, such as text=body, or FIELD=- for no column")
            if name not in FIELDS:
                raise SettingError(f"--column {pair}: {name!r} is not a field of a document: {', '.join(FIELDS)}")
            if name in named:
                raise SettingError(f"--column {pair}: {name} is filled by {named[name]} already")
            named[name] = column
        return cls(named)

    def document(self, values: Mapping[str, Any]) -> Document:
        """Make the document of a row's values. Raises DocumentError that names the column at fault."""
        if not self.named:
            return read_document(values)
        own, others = self._divide(values)
        try:
            document = read_document(own)
        except DocumentError as error:
            raise DocumentError(self.column_of(error.field), error.reason) from error
        for name, value in others.items():
            document.attributes[name] = attribute_text(name, value)
        return document

    def column_of(self, field: str) -> str:
        """Return the column that fills a field or a part of it, such as events[0].amount."""
        for name, column in self.named.items():
            if field == name or field.startswith((f"{name}.", f"{name}[")):
                return column + field[len(name) :]
        return field

    def checked(self, rows: Rows) -> Iterator[Row]:
        """Yield the rows; raise FileError first where the file has no column of a name that is mapped."""
        if not self.named:
            return iter(rows)
        if rows.columns:
            self._check(set(rows.columns), list(rows.columns))
            return iter(rows)
        return self._looked_at(iter(rows))

    def _looked_at(self, rows: Iterator[Row]) -> Iterator[Row]:
        first = list(islice(rows, LOOKED_AT))
        if first:
            seen = dict.fromkeys(name for row in first for name in row.values)
            self._check(set(seen), list(seen))
        return chain(first, rows)

    def _check(self, known: set[str], shown: list[str]) -> None:
        for name, column in self.named.items():
            if column not in known and column != NOTHING:
                there = ", ".join(shown[:NAMED]) + (" …" if len(shown) > NAMED else "")
                raise FileError(f"--column {name}={column}: the file has no column {column!r}; it has: {there}")

    def _divide(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return values by field, and those of columns whose name is a field that another column fills."""
        taken = set(self.named.values()) - {NOTHING}
        fields: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for column, value in values.items():
            if column not in taken and value is not None:
                (others if column in self.named else fields)[column] = value
        fields |= {name: values[column] for name, column in self.named.items() if column in taken and column in values}
        return fields, others
