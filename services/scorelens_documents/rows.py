"""Rows of files of any size: one at a time, numbered, with what they looked like.

A file is JSONL, CSV, TSV or Parquet, told by its name's end (.jsonl .ndjson .csv .tsv .parquet, the first four also
with .gz) or by `form`. Good rows are yielded, bad ones are told to `reject`, and reading goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Reject = Callable[[int, bytes, str, str], None]
"""Is told a row's number (from 1), its bytes (maybe only their start), the field at fault, and the reason."""


@dataclass(frozen=True)
class Row:
    """One row: its number (line, or row of a table, from 1), its values by column, and the bytes it was read from.

    A row of Parquet, which has no bytes of its own, has its values as a JSON object there.
    """

    number: int
    values: Mapping[str, Any]
    source: bytes


class Rows(Protocol):
    """An open file of rows; memory holds a few of them at a time.

    `size` is the file's bytes, None where unknown (standard input); `read` is how many of them were taken so far;
    `columns` are the names of its columns, empty for JSONL.
    """

    size: int | None
    columns: tuple[str, ...]

    @property
    def read(self) -> int: ...  # noqa: D102
    def __iter__(self) -> Iterator[Row]: ...


def open_rows(path: str, *, reject: Reject, form: str = "", after: int = 0) -> AbstractContextManager[Rows]:
    """Open a file, or standard input for "-", and yield the rows whose number is greater than `after`.

    Raises ScorelensError that names the file where it cannot be read, or its form cannot be told.
    """
    raise NotImplementedError
