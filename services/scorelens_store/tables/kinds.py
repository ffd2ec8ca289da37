"""Kinds of columns: the Arrow type, and how a JSON value becomes a column's value and back.

A value that a kind cannot hold becomes None, which is an empty cell; what cells cannot say of a record stays in `rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import pyarrow as pa

from scorelens_store.values import from_microseconds, to_microseconds

_INTEGERS: Final = range(-(2**63), 2**63)
_NUMBERS: Final = frozenset({float, int})


@dataclass(frozen=True)
class Kind:
    """How values of a column are read from a record and written back into one."""

    type: pa.DataType
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def text(value: Any) -> str | None:
    """Return a string as it is."""
    return value if type(value) is str else None


def whole(value: Any) -> int | None:
    """Return a whole number of 64 bits."""
    return value if type(value) is int and value in _INTEGERS else None


def number(value: Any) -> float | None:
    """Return a number as a double; None where it would become another one."""
    if type(value) is float:
        return value
    if type(value) is not int:
        return None
    try:
        return float(value) if float(value) == value else None
    except OverflowError:
        return None


def truth(value: Any) -> bool | None:
    """Return a boolean as it is."""
    return value if type(value) is bool else None


def moment(value: Any) -> int | None:
    """Return an RFC 3339 time as microseconds since 1970."""
    try:
        return to_microseconds(datetime.fromisoformat(value).astimezone(UTC))
    except (TypeError, ValueError, OverflowError):
        return None


def texts(value: Any) -> list[str] | None:
    """Return a list of strings as it is."""
    return value if type(value) is list and all(type(part) is str for part in value) else None


def numbers(value: Any) -> list[float | None] | None:
    """Return a list of numbers, None among them, as doubles."""
    if type(value) is not list:
        return None
    kinds = set(map(type, value)) - {type(None)}
    if not kinds <= _NUMBERS:
        return None
    return value if int not in kinds else [number(part) for part in value]


def text_map(value: Any) -> list[tuple[str, str]] | None:
    """Return an object as pairs; what is not text is written as JSON writes it."""
    if type(value) is not dict:
        return None
    return [(name, part if type(part) is str else orjson.dumps(part).decode()) for name, part in value.items()]


def number_map(value: Any) -> list[tuple[str, float | None]] | None:
    """Return an object of numbers as pairs."""
    return [(name, number(part)) for name, part in value.items()] if type(value) is dict else None


def events(value: Any) -> list[dict[str, Any]] | None:
    """Return parallel lists as a list of objects, those columns of them that fit."""
    columns = {name: read(value.get(name)) for name, read in _EVENT.items()} if type(value) is dict else {}
    known = {name: column for name, column in columns.items() if column is not None}
    if not known or len(set(map(len, known.values()))) > 1:
        return None
    return [dict(zip(known, row, strict=True)) for row in zip(*known.values(), strict=True)]


def parallel_lists(value: list[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return a list of objects as parallel lists; undoes `events`."""
    return {name: [row.get(name) for row in value] for name in _EVENT}


def _seconds(value: int) -> str:
    return from_microseconds(value).replace(tzinfo=None).isoformat() + "Z"


def _microseconds(value: int) -> str:
    return from_microseconds(value).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _same(value: Any) -> Any:
    return value


def _list(of: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", of))  # as Parquet names it, so that types agree after reading


_EVENT: Final = {
    "type": texts,
    "time": texts,
    "amount": numbers,
    "currency": texts,
    "balance": numbers,
    "product": texts,
    "text": texts,
}
_EVENT_TYPE: Final = pa.struct(
    [(name, pa.string() if read is texts else pa.float64()) for name, read in _EVENT.items()]
)
_UTC: Final = pa.timestamp("us", "UTC")

TEXT: Final = Kind(pa.string(), text, _same)
WORD: Final = Kind(pa.dictionary(pa.int32(), pa.string()), text, _same)
"""Text of which few values repeat often."""
WHOLE: Final = Kind(pa.int64(), whole, _same)
NUMBER: Final = Kind(pa.float64(), number, _same)
TRUTH: Final = Kind(pa.bool_(), truth, _same)
TIME: Final = Kind(_UTC, moment, _microseconds)
"""A moment that is written with six digits of fraction, always."""
DATE: Final = Kind(_UTC, moment, _seconds)
"""A moment that is written with a fraction where it has one."""
TEXTS: Final = Kind(_list(pa.string()), texts, _same)
TEXT_MAP: Final = Kind(pa.map_(pa.string(), pa.string()), text_map, dict)
NUMBER_MAP: Final = Kind(pa.map_(pa.string(), pa.float64()), number_map, dict)
EVENTS: Final = Kind(_list(_EVENT_TYPE), events, parallel_lists)
