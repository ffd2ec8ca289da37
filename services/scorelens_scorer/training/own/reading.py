"""From a file to labelled documents: what cannot be used is counted, and memory stays bounded."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from scorelens.v1.scorer_pb2 import Document
from scorelens_documents.columns import NOTHING, Columns
from scorelens_documents.errors import DocumentError
from scorelens_documents.rows import Row, Rows, open_rows
from scorelens_scorer.training.examples import Examples
from scorelens_scorer.training.own.errors import UnteachableError
from scorelens_scorer.training.own.hints import hints
from scorelens_scorer.training.own.labels import Source, check, lookup, tags_of

MOST_TEXT: Final = 2**26
"""Characters of text that are learned from and measured on; more would need more memory than a laptop has."""

EVENT_SIZE: Final = 50
LOOKED_AT: Final = 100
"""How many rows of JSONL, which has no header, are looked at for a column."""

REASONS: Final = 20
TEXT, ACTIVITY = "text", "activity"
FIELDS: Final = {TEXT: ("title", "text"), ACTIVITY: ("events", "customer_id")}

Step = Callable[[str, float, float], None]
"""Is told what is being done, how far it is, and how far it has to go."""


@dataclass(frozen=True)
class Wanted:
    """What of a file is read: the columns of fields, what says the tags, and how many rows at most (0: no limit)."""

    columns: Mapping[str, str]
    tags: tuple[Source, ...]
    separator: str | None = None
    kind: str = ""  # TEXT, ACTIVITY, or empty to find out
    most_rows: int = 0
    most_text: int = MOST_TEXT
    form: str = ""


@dataclass
class Counts:
    """What became of the rows of a file."""

    rows: int = 0
    unreadable: int = 0
    empty: int = 0
    not_sampled: int = 0
    duplicates: int = 0
    conflicts: int = 0
    untagged: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def complain(self, number: int, name: str, reason: str) -> None:
        """Count a row that cannot be used, and keep the reason."""
        self.unreadable += 1
        text = f"{name}: {reason}" if name else reason
        if text in self.reasons or len(self.reasons) < REASONS:
            self.reasons[text] += 1
        if self.unreadable == 1:
            self.first = f"row {number}: {text}"

    first: str = ""
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """Documents with their tags, and two independent hashes of what each says: equal ones are the same text."""

    examples: Examples
    identity: npt.NDArray[np.uint64]
    place: npt.NDArray[np.uint64]
    counts: Counts
    kind: str


def read(path: str, wanted: Wanted, step: Step) -> Labelled:
    """Read a file. Raises ScorelensError for a file, a column or rows that nothing can be learned from."""
    counts = Counts()

    def reject(number: int, _: bytes, name: str, reason: str) -> None:
        counts.rows += 1
        counts.complain(number, name, reason)

    with open_rows(path, reject=reject, form=wanted.form) as rows:
        first, others = _begin(rows)
        kind = wanted.kind or _kind(first, rows, wanted)
        used = {name: wanted.columns.get(name, name) for name in FIELDS[kind]}
        _check_columns(used, wanted, first, rows, kind)
        reader = _Reader(used, wanted, kind, counts)
        for row in _watched(others, rows, step, path):
            reader.take(row)
    return reader.finish()


def file_hash(path: str) -> str:
    """Return the SHA-256 of a file, empty for standard input."""
    if path == "-":
        return ""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Reader:
    """Collects rows; of more than fit, those whose hash is smallest, which any order of the rows would choose."""

    def __init__(self, used: Mapping[str, str], wanted: Wanted, kind: str, counts: Counts) -> None:
        self._fields, self._wanted, self._kind, self._counts = used, wanted, kind, counts
        self._columns = Columns({name: column for name, column in used.items() if name != column})
        self._documents: list[Document] = []
        self._cells: list[tuple[Any, ...]] = []
        self._hashes: list[tuple[int, int]] = []
        self._sizes: list[int] = []
        self._text = 0
        self._limit = 2**64  # of the hashes that are still taken
        self._seen = [False] * len(wanted.tags)
        self._names: dict[str, None] = {}

    def take(self, row: Row) -> None:
        """Keep a row, or count why not."""
        self._counts.rows += 1
        if len(self._names) < 1000:
            self._names.update(dict.fromkeys(row.values))
        try:
            document = self._columns.document(self._values(row))
        except DocumentError as error:
            self._counts.complain(row.number, error.field, error.reason)
            return
        cells = tuple(lookup(row.values, source.column) for source in self._wanted.tags)
        for place, (source, cell) in enumerate(zip(self._wanted.tags, cells, strict=True)):
            self._seen[place] = self._seen[place] or cell is not None
            try:
                check(source, cell)
            except ValueError as error:
                self._counts.complain(row.number, source.column, str(error))
                return
        said = said_by(document, self._kind)
        if not said:
            self._counts.empty += 1
            return
        self._keep(document, cells, said)

    def finish(self) -> Labelled:
        """Return what was kept. Raises UnteachableError where that is nothing, or no row has a column of tags."""
        self._shrink(self._wanted.most_text, self._wanted.most_rows or len(self._documents))
        self._check()
        self._counts.hints = tuple(hints(self._wanted.tags, self._cells, self._wanted.separator))
        truth = tags_of(self._wanted.tags, self._cells, self._wanted.separator)
        hashes = np.array(self._hashes, np.uint64).reshape(-1, 2)
        self._counts.duplicates = len(self._hashes) - len(set(self._hashes))
        self._counts.conflicts = _conflicts(self._hashes, truth)
        self._counts.untagged = sum(not tags for tags in truth)
        examples = Examples(self._documents, truth)
        return Labelled(examples, hashes[:, 0], hashes[:, 1], self._counts, self._kind)

    def _values(self, row: Row) -> dict[str, Any]:
        found = {column: lookup(row.values, column) for column in self._fields.values()}
        return {column: value for column, value in found.items() if value is not None}

    def _keep(self, document: Document, cells: tuple[Any, ...], said: str) -> None:
        digest = hashlib.blake2b(said.encode(), digest_size=16).digest()
        identity = int.from_bytes(digest[:8], "big")
        if identity >= self._limit:
            self._counts.not_sampled += 1
            return
        self._documents.append(document)
        self._cells.append(cells)
        self._hashes.append((identity, int.from_bytes(digest[8:], "big")))
        self._sizes.append(len(said))
        self._text += len(said)
        if self._text > 1.5 * self._wanted.most_text or (
            self._wanted.most_rows and len(self._documents) > 1.5 * self._wanted.most_rows + 1000
        ):
            self._shrink(self._wanted.most_text, self._wanted.most_rows or len(self._documents))

    def _shrink(self, text: int, rows: int) -> None:
        order = sorted(range(len(self._hashes)), key=lambda place: self._hashes[place][0])
        total = 0
        for count, place in enumerate(order):
            total += self._sizes[place]
            if total > text or count >= rows:
                self._limit = self._hashes[place][0]
                break
        else:
            return
        kept = [place for place, (identity, _) in enumerate(self._hashes) if identity < self._limit]
        self._counts.not_sampled += len(self._hashes) - len(kept)
        for name in ("_documents", "_cells", "_hashes", "_sizes"):
            values = getattr(self, name)
            setattr(self, name, [values[place] for place in kept])
        self._text = sum(self._sizes)

    def _check(self) -> None:
        for source, seen in zip(self._wanted.tags, self._seen, strict=True):
            if not seen and self._counts.rows and source.column not in self._names:
                raise no_column("--tags", source.column, self._names)
        if not self._documents:
            what = f"of {self._counts.rows:,} rows none can be used" if self._counts.rows else "the file has no rows"
            empty = f", {self._counts.empty:,} say nothing" if self._counts.empty else ""
            first = f"; {self._counts.first}" if self._counts.first else ""
            raise UnteachableError(f"there is nothing to learn from: {what}{empty}{first}")


def said_by(document: Document, kind: str) -> str:
    """Return what makes a document the same as another, however it is spaced and cased; empty for one without."""
    if kind == ACTIVITY:
        if not document.events:
            return ""
        if document.customer_id:
            return document.customer_id.ljust(EVENT_SIZE * len(document.events))
        return "".join(str(event.SerializeToString(deterministic=True)) for event in document.events)
    return " ".join(f"{document.title} {document.text}".split()).casefold()


def no_column(option: str, column: str, there: Iterable[str]) -> UnteachableError:
    """Say that a column is missing, which there are, and which may be meant."""
    names = [name for name in there if name]
    close = get_close_matches(column, names, 1, 0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    if (option, column) == ("--text", "text"):
        hint += "; name it with --text, or with --column events=COLUMN where customers' activity is learned from"
    if option == "--tags" and re.search("[<>=]", column):
        hint = f"; a rule begins with the name of its tag: --tags 'NAME={column}'"
    listed = ", ".join(names[:30]) + (" …" if len(names) > 30 else "")
    return UnteachableError(f"{option} {column}: the file has no column {column!r}; it has: {listed}{hint}")


def _begin(rows: Rows) -> tuple[list[Row], Iterator[Row]]:
    every = iter(rows)
    first = list(islice(every, LOOKED_AT))
    return first, chain(first, every)


def _there(first: list[Row], rows: Rows) -> dict[str, None]:
    return dict.fromkeys(rows.columns) if rows.columns else dict.fromkeys(name for row in first for name in row.values)


def _kind(first: list[Row], rows: Rows, wanted: Wanted) -> str:
    there = _there(first, rows)
    if "events" not in {*there, *wanted.columns} or "text" in wanted.columns:
        return TEXT
    says = any(row.values.get("text") or row.values.get("title") for row in first)
    does = any(lookup(row.values, wanted.columns.get("events", "events")) for row in first)
    if says and does:
        raise UnteachableError("the rows have text and events: say --kind activity, or name the text with --text")
    return TEXT if says else ACTIVITY


def _check_columns(used: Mapping[str, str], wanted: Wanted, first: list[Row], rows: Rows, kind: str) -> None:
    if not first:
        return
    there = _there(first, rows)

    def missing(column: str) -> bool:
        return column not in there and all(lookup(row.values, column) is None for row in first)

    for name, column in used.items():
        needed = wanted.columns.get(name, NOTHING) != NOTHING or name == ("text" if kind == TEXT else "events")
        if needed and missing(column):
            raise no_column(f"--{name}" if name in ("text", "title") else f"--column {name}=", column, there)
    for source in wanted.tags:
        if rows.columns and missing(source.column):
            raise no_column("--tags", source.column, there)


def _watched(rows: Iterator[Row], file: Rows, step: Step, path: str) -> Iterator[Row]:
    name = "reading" if path == "-" else f"reading {Path(path).name}"
    for number, row in enumerate(rows):
        if number % 1000 == 0:
            step(name, file.read, file.size or 0)
        yield row
    step(name, file.size or 1, file.size or 1)


def _conflicts(hashes: list[tuple[int, int]], truth: list[frozenset[str]]) -> int:
    """Count texts that stand in the file with different tags."""
    first: dict[tuple[int, int], frozenset[str]] = {}
    return len({key for key, tags in zip(hashes, truth, strict=True) if first.setdefault(key, tags) != tags})
