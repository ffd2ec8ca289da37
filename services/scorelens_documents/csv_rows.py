"""Rows of tables as text: CSV, TSV and their kin.

A cell may be quoted, and then hold separators, quotes (twice) and ends of lines. A quote that is not closed as CSV has
it would swallow what follows: only the line where it stands is refused, and reading goes on after that line.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from scorelens_documents.errors import DocumentError, FileError
from scorelens_documents.forms import BYTE_ORDER_MARK, MAKE_UTF8
from scorelens_documents.row import KEPT_OF_LONG, Reject, Row
from scorelens_documents.source import Source

LONGEST_ROW = 16 * 2**20
DELIMITERS = ",;\t|"


class CsvRows:
    """One row per record; the first one names the columns. An empty cell is absent; a row's number is its first line.

    Raises FileError where the header is missing or names a column twice.
    """

    def __init__(
        self, source: Source, reject: Reject, after: int = 0, delimiter: str = "", longest: int = LONGEST_ROW
    ) -> None:
        self.size = source.size
        self._source, self._reject, self._after, self._longest = source, reject, after, longest
        csv.field_size_limit(max(csv.field_size_limit(), longest))  # the module's own, for all readers
        self._lines = _Lines(source, longest)
        self.columns: tuple[str, ...]
        self.delimiter, self.columns = self._header(delimiter)

    @property
    def read(self) -> int:
        """How many bytes were taken."""
        return self._source.read

    def __iter__(self) -> Iterator[Row]:
        while True:
            start = self._lines.begin()
            try:
                cells = next(csv.reader(self._lines, delimiter=self.delimiter, strict=True), None)
                if cells is None:
                    return
                row = self._row(start, cells) if start > self._after else None
            except (csv.Error, DocumentError) as error:
                self._refuse(start, error)
            else:
                if row:
                    yield row

    def _row(self, number: int, cells: list[str]) -> Row | None:
        source = self._lines.taken
        if not cells:
            return None
        if len(cells) != len(self.columns):
            raise DocumentError(
                "", f"{_count(len(cells), 'cell')}, but the header names {_count(len(self.columns), 'column')}"
            )
        if not source.isascii():
            _refuse_what_is_not_utf8(source)
        return Row(number, {name: cell for name, cell in zip(self.columns, cells, strict=True) if cell}, source)

    def _refuse(self, number: int, error: csv.Error | DocumentError) -> None:
        if isinstance(error, csv.Error):
            reason = f"a quote is not closed as CSV has it, or not doubled inside a cell: {error}"
            if self._lines.too_long:
                reason = f"the row is longer than {self._longest / 2**20:.3g} MiB; is a quote not closed?"
            self._lines.give_back()
        else:
            reason = error.reason
        if number > self._after:
            self._reject(number, self._lines.taken[: self._longest], "", reason)

    def _header(self, delimiter: str) -> tuple[str, tuple[str, ...]]:
        self._lines.begin()
        first = next(self._lines, "")
        found = delimiter or self._tell(first)
        self._lines.give_back(everything=True)
        self._lines.begin()
        try:
            cells = next(csv.reader(self._lines, delimiter=found, strict=True), [])
            _refuse_what_is_not_utf8(self._lines.taken)
        except (csv.Error, DocumentError) as error:
            raise FileError(f"{self._source.name}: the header cannot be read: {error}") from error
        return found, self._names(cells)

    def _names(self, cells: list[str]) -> tuple[str, ...]:
        names = tuple(cell.strip() or f"column_{place}" for place, cell in enumerate(cells, 1))
        if not names and self._source.head():
            raise FileError(f"{self._source.name}: the first line is blank; it must name the columns")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise FileError(f"{self._source.name}: two columns have the name {twice[0]!r}; rename one")
        return names

    def _tell(self, header: str) -> str:
        """Return the delimiter that splits the header into the most columns."""
        try:
            counts = {one: len(next(csv.reader([header], delimiter=one), [])) for one in DELIMITERS}
        except csv.Error:
            return ","
        most = max(counts.values())
        best = [one for one in DELIMITERS if counts[one] == most]
        if most > 1 and len(best) > 1:
            shown = " or ".join(map(repr, best))
            raise FileError(f"{self._source.name}: the header could be separated by {shown}; name it: --delimiter")
        return best[0]


class _Lines:
    """Physical lines for one record after the other, which can be given back."""

    def __init__(self, source: Source, longest: int) -> None:
        self._incoming = source.lines(longest)
        self._longest = longest
        self._again: deque[tuple[bytes, bool]] = deque()
        self._taken: list[tuple[bytes, bool]] = []
        self._held = 0
        self._number = 0
        self.too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, whole = self._again.popleft() if self._again else next(self._incoming, (b"", True))
        if not line:
            raise StopIteration
        if not self._number:
            line = line.removeprefix(BYTE_ORDER_MARK)
        self._number += 1
        self._taken.append((line if whole else line[:KEPT_OF_LONG], whole))
        self._held += len(line)
        if not whole or self._held > self._longest:
            self.too_long = True
            raise csv.Error("too long")
        return line.decode("utf-8", "surrogateescape")

    @property
    def taken(self) -> bytes:
        """The bytes of the record so far, without the last end of line."""
        return b"".join(line for line, _ in self._taken).rstrip(b"\r\n")

    def begin(self) -> int:
        """Begin a record; return the number of its first line."""
        self._taken, self._held, self.too_long = [], 0, False
        return self._number + 1

    def give_back(self, everything: bool = False) -> None:
        """Let the lines after the first one be read again as records of their own."""
        kept = 0 if everything else 1
        self._again.extendleft(reversed(self._taken[kept:]))
        self._number -= len(self._taken) - kept
        self._taken = self._taken[:kept]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _refuse_what_is_not_utf8(source: bytes) -> None:
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError("", f"the row is not UTF-8 at byte {error.start + 1}{MAKE_UTF8}") from error
