"""Rows of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

from scorelens_documents.documents import read_object
from scorelens_documents.errors import DocumentError
from scorelens_documents.forms import BYTE_ORDER_MARK
from scorelens_documents.row import KEPT_OF_LONG, Reject, Row
from scorelens_documents.source import Source

LONGEST_LINE = 128 * 2**20


class JsonlRows:
    """One JSON object per line; blank lines are skipped, and counted."""

    columns: tuple[str, ...] = ()

    def __init__(self, source: Source, reject: Reject, after: int = 0, longest: int = LONGEST_LINE) -> None:
        self.size = source.size
        self._source, self._reject, self._after, self._longest = source, reject, after, longest

    @property
    def read(self) -> int:
        """How many bytes were taken."""
        return self._source.read

    def __iter__(self) -> Iterator[Row]:
        for number, (line, whole) in enumerate(self._source.lines(self._longest), 1):
            if number <= self._after:
                continue
            source = line.rstrip(b"\r\n")
            if not whole:
                reason = f"the line is longer than {self._longest / 2**20:.3g} MiB"
                self._reject(number, source[:KEPT_OF_LONG], "", reason)
                continue
            content = source.removeprefix(BYTE_ORDER_MARK) if number == 1 else source
            if not content or content.isspace():
                continue
            try:
                row = Row(number, read_object(content), source)
            except DocumentError as error:
                self._reject(number, source, error.field, error.reason)
            else:
                yield row
