"""Rows of Parquet files, read in small batches whatever the size of the row groups."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorelens_documents.errors import FileError
from scorelens_documents.row import Reject, Row
from scorelens_runtime.errors import MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet as pq

Convert = Callable[[Any], Any]

ROWS_TOGETHER = 512
BUFFER = 2**20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PARTS_OF_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class ParquetRows:
    """One row per row of the table, with values as JSON has them: times as RFC 3339, structs as objects.

    Decimals become strings of their digits, bytes text (base64 where they are not UTF-8), NaN is absent like null.
    """

    def __init__(self, file: pq.ParquetFile, path: str, reject: Reject, after: int) -> None:
        self.size = Path(path).stat().st_size
        self.columns = tuple(file.schema_arrow.names)
        self._file, self._path, self._reject, self._after = file, path, reject, after
        self._taken = 0

    @property
    def read(self) -> int:
        """How many bytes were taken: the share of the rows that were."""
        return int(self.size * self._taken / max(self._file.metadata.num_rows, 1))

    def __iter__(self) -> Iterator[Row]:
        schema = self._file.schema_arrow
        types = [readable(field.type) for field in schema]
        converts = [converter(field.type) for field in schema]
        for start, batch in self._batches():
            for place, values in enumerate(self._values(start, batch, types, converts)):
                self._taken = start + place
                if values is not None:
                    source = json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")
                    yield Row(self._taken, values, source)

    def _batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield batches with the number of their first row, without those that are wholly before the start."""
        groups: list[int] = []
        number = 1
        for group in range(self._file.num_row_groups):
            if groups or number + self._file.metadata.row_group(group).num_rows > self._after + 1:
                groups.append(group)
            else:
                number += self._file.metadata.row_group(group).num_rows
        with translated(self._path):
            for batch in self._file.iter_batches(ROWS_TOGETHER, row_groups=groups, use_threads=False):
                skipped = max(0, min(self._after + 1 - number, batch.num_rows))
                if skipped < batch.num_rows:
                    yield number + skipped, batch.slice(skipped)
                number += batch.num_rows

    def _values(
        self, start: int, batch: pa.RecordBatch, types: list[pa.DataType], converts: list[Convert | None]
    ) -> Iterator[dict[str, Any] | None]:
        try:
            yield from list(_rows(batch, self.columns, types, converts))
        except (ValueError, OverflowError) as error:  # pyarrow's own, too: some cell of the batch
            if batch.num_rows > 1:
                for place in range(batch.num_rows):
                    yield from self._values(start + place, batch.slice(place, 1), types, converts)
            else:
                self._reject(start, b"", "", f"a cell cannot be read: {error}")
                yield None


@contextmanager
def open_parquet(path: str, reject: Reject, after: int) -> Iterator[ParquetRows]:
    """Open a Parquet file. Raises FileError, MissingExtraError."""
    if path == "-":
        raise FileError("Parquet cannot be read from standard input; name a file")
    try:
        from pyarrow import parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"reading {path} needs pyarrow, which is not installed: pip install 'scorelens[client]'"
        ) from error
    with translated(path):
        file = pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)
    with file:
        yield ParquetRows(file, path, reject, after)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn what pyarrow raises into FileErrors that name the file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from error


def _rows(
    batch: pa.RecordBatch, names: tuple[str, ...], types: list[pa.DataType], converts: list[Convert | None]
) -> Iterator[dict[str, Any]]:
    columns = []
    for name, column, type_, convert in zip(names, batch.columns, types, converts, strict=True):
        values = _cast(name, column, type_).to_pylist()
        columns.append([None if one is None else convert(one) for one in values] if convert else values)
    for cells in zip(*columns, strict=True):
        yield {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}


def _cast(name: str, column: pa.Array, type_: pa.DataType) -> pa.Array:

    try:
        return column if column.type == type_ else column.cast(type_)
    except NotImplementedError as error:
        raise FileError(f"column {name} is of a type that is not read: {column.type}") from error


def readable(type_: pa.DataType) -> pa.DataType:
    """Return the type to cast to before values are taken out: times as whole numbers, so that no digit is lost."""
    import pyarrow as pa

    if isinstance(type_, pa.BaseExtensionType):
        return readable(type_.storage_type)
    if pa.types.is_timestamp(type_):
        return pa.int64()
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return readable(type_.value_type)
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(readable(field.type)) for field in type_])
    if pa.types.is_map(type_):
        return pa.map_(readable(type_.key_type), readable(type_.item_type))
    if _is_list(type_):
        return pa.large_list(readable(type_.value_type))
    return type_


def converter(type_: pa.DataType) -> Convert | None:
    """Return what makes values of a type JSON values, None where they are."""
    import pyarrow as pa

    if isinstance(type_, pa.BaseExtensionType):
        return converter(type_.storage_type)
    if pa.types.is_timestamp(type_):
        return lambda value: time_text(value, type_.unit)
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return converter(type_.value_type)
    if pa.types.is_struct(type_):
        return _struct({field.name: converter(field.type) or _same for field in type_})
    if pa.types.is_map(type_):
        key, item = converter(type_.key_type) or _same, converter(type_.item_type) or _same
        return lambda pairs: {str(key(name)): None if value is None else item(value) for name, value in pairs}
    if _is_list(type_):
        inner = converter(type_.value_type)
        return (lambda values: [None if one is None else inner(one) for one in values]) if inner else None
    if pa.types.is_floating(type_):
        return lambda value: None if math.isnan(value) else value
    if pa.types.is_boolean(type_) or pa.types.is_integer(type_) or pa.types.is_null(type_) or _is_text(type_):
        return None
    return _bytes if pa.types.is_binary(type_) or _is_bytes(type_) else _text


def _struct(converts: dict[str, Convert]) -> Convert:
    return lambda value: {
        name: None if part is None else converts.get(name, _same)(part) for name, part in value.items()
    }


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _bytes(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def time_text(value: int, unit: str) -> str:
    """Write a time since 1970 as RFC 3339 has it, in UTC; one that no calendar has stays a number."""
    seconds, rest = divmod(value, PARTS_OF_A_SECOND[unit])
    try:
        moment = EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return str(value)
    digits = f"{rest:0{len(str(PARTS_OF_A_SECOND[unit])) - 1}d}".rstrip("0") if rest else ""
    return f"{moment.replace(tzinfo=None).isoformat()}{'.' + digits if digits else ''}Z"


def _is_list(type_: pa.DataType) -> bool:
    import pyarrow as pa

    kinds = pa.types
    return bool(
        kinds.is_list(type_)
        or kinds.is_large_list(type_)
        or kinds.is_fixed_size_list(type_)
        or kinds.is_list_view(type_)
        or kinds.is_large_list_view(type_)
    )


def _is_text(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _is_bytes(type_: pa.DataType) -> bool:
    import pyarrow as pa

    kinds = pa.types
    return bool(kinds.is_large_binary(type_) or kinds.is_fixed_size_binary(type_) or kinds.is_binary_view(type_))
