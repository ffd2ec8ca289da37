"""Records in a file of their own: JSON lines, CSV, Parquet or Arrow, by the end of its name; shared with the commands.

While records come they are in FILE.partial, which one process at a time writes to. Only when all of them are there does
it become FILE, in place of what had this name; whatever ends the writing before takes it away. Both are for their
owner's eyes only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import orjson

from scorelens_client.bulk.holding import hold
from scorelens_client.sdk.errors import ScorelensError
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.tables import Form, batches_of, columns_of, rows_of, schema_of
from scorelens_reading.tables import files
from scorelens_reading.tables.columns import Columns, Row

if TYPE_CHECKING:
    import pyarrow as pa

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
    if form is not None or tags:
        return _write_rows(files.lines, file, records, form, tags)
    count = 0
    for record in records:
        file.write(orjson.dumps(record.raw) + b"\n")
        count += 1
    return count


def _write_csv(file: BinaryIO, records: Iterator[Record], form: Form | None, tags: Sequence[str]) -> int:
    return _write_rows(files.csv_parts, file, records, form, tags)


def _write_rows(
    parts: Callable[[Columns, Iterable[Row]], Iterator[bytes]],
    file: BinaryIO,
    records: Iterator[Record],
    form: Form | None,
    tags: Sequence[str],
) -> int:
    form, count = form or "documents", 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows_of(Record, records, form, tags):
            yield row
            count += 1

    file.writelines(parts(columns_of(Record, form, tags), counted()))
    return count


def _write_parquet(file: BinaryIO, records: Iterator[Record], form: Form | None, tags: Sequence[str]) -> int:
    return _write_batches(files.parquet_parts, file, records, form, tags)


def _write_arrow(file: BinaryIO, records: Iterator[Record], form: Form | None, tags: Sequence[str]) -> int:
    return _write_batches(files.arrow_parts, file, records, form, tags)


def _write_batches(
    parts: Callable[[pa.Schema, Iterable[pa.RecordBatch]], Iterator[bytes]],
    file: BinaryIO,
    records: Iterator[Record],
    form: Form | None,
    tags: Sequence[str],
) -> int:
    form, count = form or "documents", 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for batch in batches_of(Record, records, form, tags):
            yield batch
            count += batch.num_rows

    file.writelines(parts(schema_of(Record, form, tags), counted()))
    return count


_KINDS: Final[Mapping[str, Write]] = {
    ".jsonl": _write_lines,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".arrow": _write_arrow,
}
