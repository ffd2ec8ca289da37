"""What a record holds in each field, checked and in the form that every store indexes."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import orjson

from scorelens_store.contract import Json, Record
from scorelens_store.errors import RecordRefusedError
from scorelens_store.fields import FIELDS, OPEN_FIELDS, OPEN_NAME, Field, Type
from scorelens_store.query.values import single

Value = str | int | float | bool
Values = dict[str, list[Value]]


KEYWORD_LIMIT: Final = 8191
"""Keywords with more characters stay in the record and are not indexed, since four bytes of each must fit a term."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_INTEGERS: Final = range(-(2**63), 2**63)
_OPEN_PATHS: Final = {prefix: (tuple(prefix.split(".")[:-1]), kind) for prefix, kind in OPEN_FIELDS.items()}
_Tree = dict[str, "_Tree | tuple[str, Type]"]


def _tree() -> _Tree:
    """Return the fixed fields as they lie in a record: objects in objects, at the ends name and type of a field."""
    tree: _Tree = {}
    for name, field in FIELDS.items():
        *parents, last = name.split(".")
        here: Any = tree
        for parent in parents:
            here = here.setdefault(parent, {})
        here[last] = (name, field.type)
    return tree


_TREE: Final = _tree()


def to_microseconds(moment: datetime) -> int:
    """Return microseconds since 1970; a moment without a zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Return the moment so many microseconds after 1970."""
    return _EPOCH + count * _MICROSECOND


def field_values(record: Record) -> Values:
    """Return the values of each field that has any; dates are microseconds, floats 32 bits, keywords distinct.

    Raises RecordRefusedError with the reason where the record can never be stored.
    """
    values: Values = {}
    _add_fixed(record, _TREE, values)
    _add_open(record, values)
    for required in ("record.id", "@timestamp"):
        if not values.get(required) or values[required] == [""]:
            raise RecordRefusedError(f"{required} is missing")
    if len(values["@timestamp"]) > 1 or len(values["record.id"]) > 1:
        raise RecordRefusedError("a record has one record.id and one @timestamp")
    return values


def values_of(record: Record, field: Field) -> list[Value]:
    """Return the values of one field; raises RecordRefusedError as `field_values` does."""
    value: Any = record
    rest = field.name
    while isinstance(value, dict) and rest not in value:
        # A tag's name is one member whatever dots it has; the names above it are one member each.
        part, _, rest = rest.partition(".")
        value = value.get(part)
    value = value.get(rest) if isinstance(value, dict) else None
    return _values(field.name, field.type, value)


def encode(record: Record) -> bytes:
    """Return a record as JSON. Raises RecordRefusedError with the reason where JSON cannot hold it."""
    written = [(name, part.text) for name, part in record.items() if type(part) is Json]
    try:
        encoded = orjson.dumps({name: part for name, part in record.items() if type(part) is not Json})
    except TypeError as exc:
        raise RecordRefusedError(f"the record is not JSON: {exc}") from None
    if b"null" in encoded:
        _refuse_infinite(record, "")
    if not written:
        return encoded
    parts, comma = [encoded[:-1]], b"," if len(encoded) > 2 else b""
    for name, text in written:
        parts += comma, orjson.dumps(name), b":", text
        comma = b","
    return b"".join((*parts, b"}"))


def _refuse_infinite(value: Any, path: str) -> None:
    # orjson writes what is not finite as null, which would change the record silently.
    if isinstance(value, float) and not math.isfinite(value):
        raise RecordRefusedError(f"{path} is {value}, which JSON cannot hold")
    if isinstance(value, dict):
        for name, part in value.items():
            _refuse_infinite(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_infinite(part, path)


def _add_fixed(part: dict[str, Any], tree: _Tree, values: Values) -> None:
    for key, value in part.items():
        node = tree.get(key)
        if node is None or value is None:
            continue
        if type(node) is dict:
            if isinstance(value, dict):
                _add_fixed(value, node, values)
            continue
        name, kind = cast("tuple[str, Type]", node)
        if _is_usual(kind, value):
            values[name] = [value]
        elif found := _values(name, kind, value):
            values[name] = found


def _is_usual(kind: Type, value: Any) -> bool:
    """Tell quickly of most values that they are indexed as they are."""
    if type(value) is str:
        return kind is Type.TEXT or (kind is Type.KEYWORD and len(value) <= KEYWORD_LIMIT)
    return type(value) is int and kind is Type.INTEGER and value in _INTEGERS


def _add_open(record: Record, values: Values) -> None:
    for prefix, (path, kind) in _OPEN_PATHS.items():
        value: Any = record
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if not value:
            if value not in (None, {}):
                raise RecordRefusedError(f"{prefix[:-1]} is not an object")
            continue
        if not isinstance(value, dict):
            raise RecordRefusedError(f"{prefix[:-1]} is not an object")
        if kind is not Type.FLOAT or not _add_floats(prefix, value, values):
            for name, found in _named(prefix, kind, value):
                values.setdefault(name, []).extend(found)


def _add_floats(prefix: str, numbers: dict[str, Any], values: Values) -> bool:
    """Add numbers by tag, rounded all in one step; False where they have to be looked at one by one."""
    if set(map(type, numbers.values())) != {float}:
        return False
    layout = _singles(len(numbers))
    try:
        rounded = layout.unpack(layout.pack(*numbers.values()))
    except OverflowError:
        return False
    names = _names(prefix, tuple(numbers))
    if not names or not math.isfinite(sum(rounded, 0.0)):
        return False
    values.update(zip(names, [[number] for number in rounded], strict=True))
    return True


@functools.lru_cache(maxsize=1024)
def _singles(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}f")


@functools.lru_cache(maxsize=1024)
def _names(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the full names of fields, none where one is no name that a field can have.

    A model has the same tags in every record.
    """
    return tuple(prefix + name for name in names) if all(map(OPEN_NAME.fullmatch, names)) else ()


def _named(prefix: str, kind: Type, value: dict[str, Any]) -> Iterator[tuple[str, list[Value]]]:
    for name, part in _leaves(prefix, value):
        if OPEN_NAME.fullmatch(name, len(prefix)):
            found = _values(name, kind, part)
            if found:
                yield name, found


def _leaves(prefix: str, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, dict):
            yield from _leaves(f"{prefix}{name}.", part)
        else:
            yield prefix + name, part


def _values(name: str, kind: Type, value: Any) -> list[Value]:
    if kind is Type.KEYWORD and type(value) is list and set(map(type, value)) == {str}:
        return _indexable(value)
    read = _READERS[kind]
    try:
        if isinstance(value, list | tuple):
            found = [read(part) for part in value if part is not None]
        else:
            found = [] if value is None else [read(value)]
    except (ValueError, OverflowError) as exc:
        reason = str(exc) if isinstance(exc, ValueError) else f"is out of range for a field of type {kind}"
        raise RecordRefusedError(f"{name} {reason}") from None
    return _indexable(found) if kind is Type.KEYWORD else found


def _indexable(keywords: list[Any]) -> list[Value]:
    """Return keywords that an index can hold, each once."""
    distinct = list(dict.fromkeys(keywords))
    if not distinct or max(map(len, distinct)) <= KEYWORD_LIMIT:
        return distinct
    return [keyword for keyword in distinct if len(keyword) <= KEYWORD_LIMIT]


def _text(value: Any) -> Value:
    if not isinstance(value, str):
        raise RecordRefusedError("is not text")
    return value


def _keyword(value: Any) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return orjson.dumps(value).decode()
    raise RecordRefusedError("is not a keyword")


def _float(value: Any) -> Value:
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise RecordRefusedError("is not a number")
    rounded = single(value)
    if not math.isfinite(rounded):
        raise RecordRefusedError(f"is {value}, which is not a number")
    return rounded


def _integer(value: Any) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise RecordRefusedError("is not a whole number")
    if int(value) not in _INTEGERS:
        raise RecordRefusedError("is out of range for 64 bits")
    return int(value)


def _date(value: Any) -> Value:
    try:
        return to_microseconds(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        raise RecordRefusedError(f"is not a date as RFC 3339 writes it: {value!r}") from None


def _boolean(value: Any) -> Value:
    if not isinstance(value, bool):
        raise RecordRefusedError("is neither true nor false")
    return value


_READERS: Final[dict[Type, Callable[[Any], Value]]] = {
    Type.TEXT: _text,
    Type.KEYWORD: _keyword,
    Type.FLOAT: _float,
    Type.INTEGER: _integer,
    Type.DATE: _date,
    Type.BOOLEAN: _boolean,
}
