"""Rows as the bytes of files, part by part, as they come: JSON lines, CSV, Parquet and Arrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from scorelens_reading.tables.columns import Columns, Row

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_BYTES: Final = 32 * 2**20
"""Memory that the rows of a Parquet file's row group take before they are written."""
PART: Final = 2**16

_WORDS: Final = ("tags", "flags")
"""Columns of several ids, which have no spaces."""
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a cell begins with that a spreadsheet takes for a formula."""


def lines(columns: Columns, rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a JSON object for each row."""
    makers = [dict if kind == "words" else _same for kind in columns.values()]
    for row in rows:
        cells = (make(cell) for make, cell in zip(makers, row, strict=True))
        yield orjson.dumps(dict(zip(columns, cells, strict=True))) + b"\n"


def csv_parts(columns: Columns, rows: Iterable[Row], *, for_spreadsheets: bool = False) -> Iterator[bytes]:
    """Yield a line of names and one for each row.

    A spreadsheet is told that it is Unicode, and takes no text of others for a formula: an apostrophe goes before it.
    """
    text = io.StringIO(newline="")
    # What ends a line here is also what a cell is quoted for: a reader may take either sign for one.
    writer = csv.writer(text, lineterminator="\r\n")
    makers = [_CELLS.get(name) or _CELLS.get(kind) or _same for name, kind in columns.items()]
    if for_spreadsheets:
        text.write("\N{ZERO WIDTH NO-BREAK SPACE}")
        makers = [
            make if kind in _PLAIN else _guarded(make) for make, kind in zip(makers, columns.values(), strict=True)
        ]
    writer.writerow(columns)
    for row in rows:
        writer.writerow([None if cell is None else make(cell) for make, cell in zip(makers, row, strict=True)])
        if text.tell() >= PART:
            yield text.getvalue().encode("utf-8")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8")


def parquet_parts(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Yield the parts of a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    file, waiting, size = _Taken(), list[pa.RecordBatch](), 0
    with pq.ParquetWriter(pa.PythonFile(file, "w"), schema, compression="zstd") as writer:
        for batch in batches:
            waiting.append(batch)
            size += batch.nbytes
            if size >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting, size = [], 0
            yield from file.taken()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    yield from file.taken()


def arrow_parts(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Yield the parts of a file of Arrow."""
    import pyarrow as pa

    file = _Taken()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(pa.PythonFile(file, "w"), schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield from file.taken()
    yield from file.taken()


class _Taken(io.RawIOBase):
    """A file whose content is taken away as it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        part = bytes(content)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def taken(self) -> Iterator[bytes]:
        """Yield what was written since the last time, if anything was."""
        parts, self._parts = self._parts, []
        if parts:
            yield b"".join(parts)


def _guarded(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def guarded(cell: Any) -> str:
        text = str(make(cell))
        return f"'{text}" if text.startswith(_FORMULAS) else text

    return guarded


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
_PLAIN: Final = ("whole", "number", "truth", "time")
"""Kinds of cells that nobody else writes."""
