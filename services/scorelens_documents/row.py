"""What reading a file of any form gives: rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Reject = Callable[[int, bytes, str, str], None]
"""Is told a row's number (from 1), its bytes (maybe only their start), the field at fault, and the reason."""

KEPT_OF_LONG = 1000
"""How many bytes of a row that is too long are told."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number (line, or row of a table, from 1), its values by column, and the bytes it was read from.

    A row of Parquet, which has no bytes of its own, has its values as a JSON object there.
    """

    number: int
    values: Mapping[str, Any]
    source: bytes


class Rows(Protocol):
    """An open file of rows, to be iterated once; memory holds a few of them at a time.

    `size` is the file's bytes, None where unknown (standard input); `read` is how many of them were taken so far;
    `columns` are the names of its columns, empty for JSONL.
    """

    @property
    def size(self) -> int | None: ...  # noqa: D102
    @property
    def read(self) -> int: ...  # noqa: D102
    @property
    def columns(self) -> tuple[str, ...]: ...  # noqa: D102
    def __iter__(self) -> Iterator[Row]: ...
