"""What callers give as documents, made the documents of the contract.

One document is a dict with the names of the contract's fields, a Document, a dataclass, or its text alone. Several are
any iterable of them, or a table: pandas, polars, pyarrow, or anything else that gives Arrow streams. Nothing is sent
here; what is wrong is an error that names the place and the field.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, ClassVar, Final, Protocol

from scorelens.v1.scorer_pb2 import Document
from scorelens_documents.columns import Columns
from scorelens_documents.documents import FIELDS
from scorelens_documents.errors import DocumentError
from scorelens_reading.extras import pyarrow

ROWS_TOGETHER: Final = 512


class DataclassInstance(Protocol):
    """An instance of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class ArrowStream(Protocol):
    """A table of pandas, polars, pyarrow, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with an Arrow stream."""
        ...


@dataclasses.dataclass(frozen=True)
class Unread:
    """What was given in the place of a document and is none: its id, where it has one, and why."""

    document_id: str
    error: DocumentError


OneDocument = str | Mapping[str, Any] | Document | DataclassInstance
ManyDocuments = Iterable[OneDocument] | ArrowStream


def is_one(given: object) -> bool:
    """Tell whether a single document is given rather than several."""
    return isinstance(given, str | Mapping | Document) or (dataclasses.is_dataclass(given) and not is_table(given))


def is_table(given: object) -> bool:
    """Tell whether a table with named columns is given; a single column is an iterable of texts."""
    return hasattr(given, "__arrow_c_stream__") and (hasattr(given, "columns") or hasattr(given, "schema"))


def documents_of(given: ManyDocuments, columns: Mapping[str, str] | None = None) -> Iterator[Document]:
    """Yield the documents of an iterable or a table, or a single one.

    `columns` names the column of a field ({"text": "body"}). Raises DocumentError such as
    `documents[3].audience: …`, at the first that is wrong.
    """
    for one in each_of(given, columns):
        if isinstance(one, Unread):
            raise one.error
        yield one


def each_of(given: ManyDocuments, columns: Mapping[str, str] | None = None) -> Iterator[Document | Unread]:
    """Yield the same, with what cannot be read in its place. Raises DocumentError where nothing of it can be."""
    mapping = read_columns(columns)
    for place, one in enumerate(_several(given, mapping)):
        yield read(one, f"documents[{place}]", mapping)


async def stream_documents(
    given: ManyDocuments | AsyncIterable[OneDocument], columns: Mapping[str, str] | None = None
) -> AsyncIterator[Document]:
    """Yield the documents of an iterable, a table or an async iterable, as `documents_of` does."""
    if not isinstance(given, AsyncIterable):
        for document in documents_of(given, columns):
            yield document
        return
    mapping, place = read_columns(columns), 0
    async for one in given:
        yield document_of(one, f"documents[{place}]", mapping)
        place += 1


def document_of(one: object, where: str = "document", columns: Columns = Columns()) -> Document:  # noqa: B008
    """Make a document of what stands for one. Raises DocumentError with the place."""
    if isinstance(one, Document):
        return one
    try:
        return columns.document(_values(one))
    except DocumentError as error:
        raise DocumentError(f"{where}.{error.field}" if error.field else where, error.reason) from None


def read(one: object, where: str, columns: Columns) -> Document | Unread:
    """Make a document of what stands for one, or say why it is none."""
    try:
        return document_of(one, where, columns)
    except DocumentError as error:
        name = one.get(columns.named.get("id", "id"), "") if isinstance(one, Mapping) else getattr(one, "id", "")
        return Unread(name if isinstance(name, str) else "", error)


def read_columns(columns: Mapping[str, str] | None) -> Columns:
    """Check a mapping of fields to columns. Raises DocumentError."""
    for field in columns or ():
        if field not in FIELDS:
            raise DocumentError(f"columns: {field!r}", f"is not a field of a document: {', '.join(FIELDS)}")
    return Columns(dict(columns or {}))


def plain(value: Any) -> Any:
    """Return a Python value as JSON has it: times as RFC 3339, NaN as None, the rest by its own text."""
    match value:
        case None | bool() | int() | str() if type(value) in (type(None), bool, int, str):
            return value
        case float():
            return None if math.isnan(value) else float(value)
        case datetime():
            return None if value != value else _time(value)
        case date():
            return f"{value.isoformat()}T00:00:00Z"
        case Enum():
            return plain(value.value)
        case Mapping():
            return {name: plain(part) for name, part in value.items()}
        case bytes():
            return _bytes(value)
        case list() | tuple() | set() | frozenset():
            return [plain(part) for part in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return _foreign(value)


def _several(given: object, columns: Columns) -> Iterable[object]:
    if is_one(given):  # a text or a dict could be iterated, but nobody means its characters or its keys
        return (given,)
    if is_table(given):
        return _rows(given, columns)
    if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
        raise DocumentError("documents", f"must be documents or a table of them, not {_kind(given)}")
    return given


def _values(one: object) -> Mapping[str, Any]:
    if isinstance(one, str):
        return {"text": one}
    if isinstance(one, Mapping) or (dataclasses.is_dataclass(one) and not isinstance(one, type)):
        values: dict[str, Any] = plain(one)
        return values
    raise DocumentError("", f"must be a dict, a Document, a dataclass or a text, not {_kind(one)}")


def _rows(table: Any, columns: Columns) -> Iterator[Mapping[str, Any]]:
    from scorelens_documents.parquet import converter, readable

    pa = pyarrow("reading a table")
    try:
        reader = pa.RecordBatchReader.from_stream(table)
        _check_columns(columns, reader.schema.names)
        types = [readable(field.type) for field in reader.schema]
        converts = [converter(field.type) for field in reader.schema]
        for batch in reader:
            for start in range(0, batch.num_rows, ROWS_TOGETHER):
                yield from _cells(batch.slice(start, ROWS_TOGETHER), types, converts)
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(map(str, error.args)) or repr(error)
        raise DocumentError("documents", f"the table cannot be read: {reason.splitlines()[0][:200]}") from None


def _cells(batch: Any, types: list[Any], converts: list[Any]) -> Iterator[Mapping[str, Any]]:
    found = []
    for column, type_, convert in zip(batch.columns, types, converts, strict=True):
        values = (column if column.type == type_ else column.cast(type_)).to_pylist()
        found.append([None if one is None else convert(one) for one in values] if convert else values)
    names = batch.schema.names
    for cells in zip(*found, strict=True):
        yield dict(zip(names, cells, strict=True))


def _check_columns(columns: Columns, names: list[str]) -> None:
    for field, column in columns.named.items():
        if column not in names:
            raise DocumentError("columns", f"the table has no column {column!r} for {field}; it has {', '.join(names)}")


def _time(moment: datetime) -> str:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def _bytes(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _foreign(value: Any) -> Any:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    # Numbers and arrays of numpy, and what is like them, without importing it.
    for name in ("tolist", "item"):
        if callable(own := getattr(value, name, None)):
            return plain(own())
    if type(value).__name__ == "NAType":  # of pandas, which is neither equal to itself nor not
        return None
    return None if value != value else str(value)


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
