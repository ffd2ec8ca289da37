"""Records in a file of their own: JSON lines, CSV, Parquet or Arrow, by the end of its name; shared with the commands.

While records come they are in FILE.partial, which one process at a time writes to. Only when all of them are there does
it become FILE, in place of what had this name; whatever ends the writing before takes it away. Both are for their
owner's eyes only.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import orjson

from scorelens_client.bulk.holding import hold
from scorelens_client.sdk.errors import ScorelensError
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.tables import Form, batches_of, columns_of, rows_of, schema_of

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_BYTES: Final = 32 * 2**20
"""Memory that the rows of a Parquet file's row group take before they are written."""

_WORDS: Final = ("tags", "flags")
"""Columns of several ids, which have no spaces."""

Write = Callable[[BinaryIO, Iterator[Record], Form | None, Sequence[str]], int]


@dataclass(frozen=True)
class Saved:
    """How many records a file has, its rows and its bytes."""

    records: int
    rows: int
    bytes: int


def save(
    records: Iterable[Record], path: Path, form: Form | None = None, tags: Sequence[str] = (), *, name: str = "path"
) -> Saved:
    """Write records one by one, as they come, in constant memory; `name` is what errors call the path.

    JSON lines are whole records unless a form of a table is given, whose rows every other kind of file has, "documents"
    by default. Raises ScorelensError for what cannot be written, and what the records raise.
    """
    write = check(path, form, tags, name)
    count = 0

    def counted() -> Iterator[Record]:
        nonlocal count
        for record in records:
            yield record
            count += 1

    with _becoming(path, name) as file:
        rows = write(file, counted(), form, tags)
        size = file.tell()
    return Saved(count, rows, size)


def check(path: Path, form: Form | None = None, tags: Sequence[str] = (), name: str = "path") -> Write:
    """Return what writes such a file. Raises ScorelensError for a name, a form or tags that cannot be."""
    write = _KINDS.get(path.suffix.lower())
    if write is None:
        raise ScorelensError(f"{name} {path}: end the name in {', '.join(_KINDS)}, so that its form is known")
    if path.is_dir():
        raise ScorelensError(f"{name} {path} is a folder; name a file")
    if not path.parent.is_dir():
        raise ScorelensError(f"{name} {path}: there is no folder {path.parent}")
    if form is not None or tags or write is not _write_lines:
        columns_of(Record, form or "documents", tags)
    return write


@contextmanager
def _becoming(path: Path, name: str) -> Iterator[BinaryIO]:
    """Open what becomes the file when the block ends well, and goes away when it does not."""
    partial = path.with_name(path.name + ".partial")
    try:
        held = hold(partial)
    except BlockingIOError:
        raise ScorelensError(f"{name} {path} is being written by another run: name another file") from None
    except OSError as error:
        raise _failed(partial, name, error) from error
    try:
        with os.fdopen(held, "wb") as file:
            try:
                os.ftruncate(held, 0)
                yield file
                file.flush()
                os.fsync(held)
                partial.replace(path)
            except BaseException:
                partial.unlink(missing_ok=True)  # while it is held
                raise
    except OSError as error:
        raise _failed(path, name, error) from error


def _failed(path: Path, name: str, error: OSError) -> ScorelensError:
    return ScorelensError(f"cannot write {path} ({name}): {error.strerror or error}")


def _write_lines(file: BinaryIO, records: Iterator[Record], form: Form | None, tags: Sequence[str]) -> int:
    rows: Iterable[Mapping[str, Any]] = (record.raw for record in records)
    if form is not None or tags:
        names = list(columns_of(Record, form or "documents", tags))
        makers = [dict if kind == "words" else None for kind in columns_of(Record, form or "documents", tags).values()]
        rows = (
            dict(
                zip(names, (make(cell) if make else cell for make, cell in zip(makers, row, strict=True)), strict=True)
            )
            for row in rows_of(Record, records, form or "documents", tags)
        )
    count = 0
    for row in rows:
        file.write(orjson.dumps(row) + b"\n")
        count += 1
    return count


def _write_csv(file: BinaryIO, records: Iterator[Record], form: Form | None, tags: Sequence[str]) -> int:
    columns = columns_of(Record, form or "documents", tags)
    text = io.TextIOWrapper(file, "utf-8", newline="")
    # What ends a line here is also what a cell is quoted for: a reader may take either sign for one.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    makers = [_CELLS.get(name) or _CELLS.get(kind) or _same for name, kind in columns.items()]
    count = 0
    for row in rows_of(Record, records, form or "documents", tags):
        writer.writerow([None if cell is None else make(cell) for make, cell in zip(makers, row, strict=True)])
        count += 1
    text.detach()
    return count


def _write_parquet(file: BinaryIO, records: Iterator[Record], form: Form | None, tags: Sequence[str]) -> int:
    import pyarrow as pa
    from pyarrow import parquet as pq

    form = form or "documents"
    waiting: list[pa.RecordBatch] = []
    count = 0
    with pq.ParquetWriter(file, schema_of(Record, form, tags), compression="zstd") as writer:
        for batch in batches_of(Record, records, form, tags):
            waiting.append(batch)
            count += batch.num_rows
            if sum(each.nbytes for each in waiting) >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    return count


def _write_arrow(file: BinaryIO, records: Iterator[Record], form: Form | None, tags: Sequence[str]) -> int:
    import pyarrow as pa

    form = form or "documents"
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    count = 0
    with pa.ipc.new_file(file, schema_of(Record, form, tags), options=options) as writer:
        for batch in batches_of(Record, records, form, tags):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _same(cell: Any) -> Any:
    return cell


def _json(cell: Any) -> str:
    return orjson.dumps(cell).decode()


_CELLS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_WORDS, " ".join),
    "time": datetime.isoformat,
    "truth": lambda cell: str(cell).lower(),
    "texts": _json,
    "words": lambda cell: _json(dict(cell)),
    "events": _json,
}
"""How cells of a column's name or kind are written into a CSV file; others are written as they are."""

_KINDS: Final[Mapping[str, Write]] = {
    ".jsonl": _write_lines,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".arrow": _write_arrow,
}
