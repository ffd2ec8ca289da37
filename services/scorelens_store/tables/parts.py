"""One part of a day: files of the same name in each table, written aside and read in step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorelens_store.tables import files
from scorelens_store.tables.arrow import Tables, is_aligned
from scorelens_store.tables.columns import SCHEMAS, TABLES, WORDS
from scorelens_store.tables.errors import FolderDamagedError, reading
from scorelens_store.tables.manifest import Part

GROUP_BYTES: Final = 32 * 2**20
"""Memory that the rows of one row group take before they are written."""

TOGETHER: Final = 1_000
"""Documents that are read at once."""

_DICTIONARY_BYTES: Final = 4 * 2**20
_PLAIN: Final = ("text", "title", "span_id", "trace_id", "rest", "value", "contribution")  # values that seldom repeat


class PartWriter:
    """Writes a part into a folder of its own, one file per table; memory is bounded by GROUP_BYTES per table."""

    def __init__(self, folder: Path) -> None:
        """Make the folder and its files."""
        self.folder = folder
        files.make_folder(folder)
        self._tables = {name: _TableWriter(folder / f"{name}.parquet", name) for name in TABLES}
        self._first: int | None = None
        self._last = 0

    @property
    def bytes(self) -> int:
        """Return how many bytes are written so far."""
        return sum(table.bytes for table in self._tables.values())

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was written."""
        return self._first is None

    def write(self, tables: Tables) -> None:
        """Add rows."""
        if not tables.documents.num_rows:
            return
        for writer, table in zip(self._tables.values(), tables, strict=True):
            writer.write(table)
        bounds: Any = pc.min_max(tables.documents.column("time").cast(pa.int64())).as_py()
        self._first = bounds["min"] if self._first is None else min(self._first, bounds["min"])
        self._last = max(self._last, bounds["max"])

    def finish(self, name: str) -> Part:
        """Make the files whole and durable, and return what is in them under the name that they will have."""
        for table in self._tables.values():
            table.finish()
        rows = {name: table.rows for name, table in self._tables.items()}
        return Part(name, **rows, bytes=self.bytes, first=self._first or 0, last=self._last)

    def close(self) -> None:
        """Give back what the writer holds; a part that is not finished stays as it is."""
        for table in self._tables.values():
            table.close()


class _TableWriter:
    """Writes one file, row group by row group."""

    def __init__(self, path: Path, name: str) -> None:
        self.rows = 0
        self._path, self._schema = path, SCHEMAS[name]
        files.create(path)
        self._sink: Any = pa.OSFile(str(path), "wb")
        self._bytes = 0
        words = [field.name for field in self._schema if field.name not in _PLAIN]
        self._writer: Any = pq.ParquetWriter(
            self._sink,
            self._schema,
            compression="zstd",
            use_dictionary=words,
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            store_schema=False,  # Arrow's dictionaries would come back as categories, which some readers cannot join
        )
        self._waiting: list[pa.Table] = []

    @property
    def bytes(self) -> int:
        return self._bytes if self._sink.closed else int(self._sink.tell())

    def write(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        self._waiting.append(table)
        if sum(each.nbytes for each in self._waiting) >= GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._writer.close()
        self._bytes = int(self._sink.tell())
        self._sink.close()
        files.sync(self._path)

    def close(self) -> None:
        if not self._sink.closed:
            with suppress(OSError):
                self._writer.close()
            self._sink.close()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting).unify_dictionaries()
            self._waiting = []
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))


def read_part(paths: tuple[Path, Path, Path], part: Part, together: int = TOGETHER) -> Iterator[Tables]:
    """Yield a part's tables, so many documents at a time. Raises FolderDamagedError that names the file."""
    with ExitStack() as stack:
        documents, scores, terms = (
            stack.enter_context(_Cursor(path, name, rows))
            for path, name, rows in zip(paths, TABLES, (part.documents, part.scores, part.terms), strict=True)
        )
        while documents.left:
            some = documents.take(min(together, documents.left))
            theirs = scores.take(_sum(some, "tag_count"))
            tables = Tables(some, theirs, terms.take(_sum(theirs, "term_count")))
            if not is_aligned(tables):
                raise FolderDamagedError(f"{paths[0]} and the files of its name do not belong to each other")
            yield tables


def read_columns(path: Path, names: list[str]) -> Iterator[pa.Table]:
    """Yield some columns of a file, row group by row group. Raises FolderDamagedError."""
    with reading(path), pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=names)


class _Cursor:
    """Gives a file's rows in order, as many at a time as asked for."""

    def __init__(self, path: Path, name: str, rows: int) -> None:
        self._path, self._schema = path, SCHEMAS[name]
        with reading(path):
            self._file = pq.ParquetFile(path, read_dictionary=WORDS[name])
        self.left = self._file.metadata.num_rows
        if self.left != rows:
            self._file.close()
            raise FolderDamagedError(f"{path} has {self.left:,} rows where the manifest says {rows:,}")
        self._batches = self._file.iter_batches()
        self._rest = self._schema.empty_table()

    def take(self, count: int) -> pa.Table:
        """Return the next rows."""
        waiting, have = [self._rest], self._rest.num_rows
        with reading(self._path):
            while have < count:
                batch = next(self._batches, None)
                if batch is None:
                    raise FolderDamagedError(f"{self._path} has fewer rows than the files of its name need")
                waiting.append(pa.Table.from_batches([batch]).cast(self._schema))
                have += batch.num_rows
        whole = pa.concat_tables(waiting)
        self._rest = whole.slice(count)
        self.left -= count
        return whole.slice(0, count)

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _sum(table: pa.Table, name: str) -> int:
    return int(pc.sum(table.column(name)).as_py() or 0)
