"""Rows of a file in the batches that are sent in one call each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from scorelens.v1.scorer_pb2 import Document, DocumentCalculation, Result
from scorelens_documents.columns import Columns
from scorelens_documents.errors import DocumentError
from scorelens_documents.row import Row

BATCH_BYTES = 4 * 2**20
FRAMING = 6
"""Most bytes that a request adds to a document of its own."""


@dataclass(frozen=True)
class Line:
    """A document, the row that it came from (counted from 1), and the row itself."""

    number: int
    source: bytes
    document: Document


@dataclass(frozen=True)
class Bad:
    """A row that is no document."""

    number: int
    source: bytes
    field: str
    reason: str


@dataclass(frozen=True)
class Scored:
    """What became of one document: a result, or the reason why there is none and the field that it names."""

    line: Line
    result: Result | None = None
    calculation: DocumentCalculation | None = None
    reason: str = ""
    field: str = ""


@dataclass(frozen=True)
class Batch:
    """Consecutive rows: documents and what is none, up to row `last`, when `read` bytes of the file were taken.

    `known` are the outcomes of a batch that was answered already and need not be sent.
    """

    lines: Sequence[Line]
    bad: Sequence[Bad] = ()
    last: int = 0
    read: int = 0
    known: Sequence[Scored] | None = field(default=None, compare=False)


class Batcher:
    """Takes batches of any size from rows; rows that are no documents stay at their place among the others."""

    def __init__(self, columns: Columns | None = None) -> None:
        self._columns = columns or Columns()
        self._read: Callable[[], int] = int
        self._bad: list[Bad] = []
        self._items: Iterator[Line | Bad] = iter(())
        self._held: Line | Bad | None = None

    def reject(self, number: int, source: bytes, field: str, reason: str) -> None:
        """Take note of a row that the file's reader refused; to be given to it."""
        self._bad.append(Bad(number, source, field, reason))

    def feed_items(self, items: Iterator[Line | Bad]) -> None:
        """Name what to take from where documents are at hand."""
        self._items = items

    def feed(self, rows: Iterator[Row], read: Callable[[], int]) -> None:
        """Name the rows to take from, and who knows how many bytes of them were taken."""
        self._items, self._read = self._in_order(rows), read

    def take(self, most: int, most_bytes: int = BATCH_BYTES, until: int | None = None) -> Batch | None:
        """Return the next rows, at most so many and so many bytes, none after row `until`; None at the end."""
        lines: list[Line] = []
        bad: list[Bad] = []
        held = last = 0
        while len(lines) < most and len(bad) < max(most, 100):
            item = self._held or next(self._items, None)
            self._held = None
            if item is None:
                break
            size = item.document.ByteSize() + FRAMING if isinstance(item, Line) else len(item.source)
            if (until is not None and item.number > until) or ((lines or bad) and held + size > most_bytes):
                self._held = item
                break
            lines.append(item) if isinstance(item, Line) else bad.append(item)
            held, last = held + size, item.number
        return Batch(lines, bad, last, self._read()) if lines or bad else None

    def _in_order(self, rows: Iterator[Row]) -> Iterator[Line | Bad]:
        for row in rows:
            yield from self._told()
            try:
                yield Line(row.number, row.source, self._columns.document(row.values))
            except DocumentError as error:
                yield Bad(row.number, row.source, error.field, error.reason)
        yield from self._told()

    def _told(self) -> Iterator[Bad]:
        told, self._bad[:] = list(self._bad), []
        yield from told


def divide(lines: Sequence[Line]) -> Batcher:
    """Return what takes batches of documents that are at hand."""
    batcher = Batcher()
    batcher.feed_items(iter(lines))
    return batcher
