"""Typed reading of OTLP attributes.

Any OpenTelemetry SDK may have written them, so a whole number is taken where a fraction is due and the other way
around, and an empty list has no type at all. Everything else that does not fit is a PermanentError with the name of the
attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from typing import Any, TypeVar

from opentelemetry.proto.common.v1.common_pb2 import ArrayValue

from scorelens_indexer.errors import PermanentError
from scorelens_indexer.event_values import read_doubles

Value = TypeVar("Value")

_EMPTY = ArrayValue()
_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**63 - 1


class Attributes:
    """The attributes of one span, event or resource by name; of a name given twice the last value counts.

    A value of another type than the one that is read comes as the empty one of that type, so only what comes empty is
    asked for its type: this is the indexer's hottest path.
    """

    __slots__ = ("_values", "_where")

    def __init__(self, pairs: Iterable[Any], where: str = "") -> None:
        """Take KeyValue messages; `where` stands before the name of an attribute in errors."""
        self._values = {pair.key: pair.value for pair in pairs}
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def at(self, where: str) -> None:
        """Say in later errors where these attributes are."""
        self._where = where

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string."""
        value = self._values.get(name)
        if value is None:
            return self._absent(name, default)
        found: str = value.string_value
        if not found and value.WhichOneof("value") != "string_value":
            raise self._wrong(name, "a string", value)
        return found

    def truth(self, name: str) -> bool:
        """Return a boolean."""
        value = self._values.get(name)
        if value is None:
            return self._absent(name, None)
        found: bool = value.bool_value
        if not found and value.WhichOneof("value") != "bool_value":
            raise self._wrong(name, "a boolean", value)
        return found

    def number(self, name: str, default: float | None = None) -> float:
        """Return a double; it may be NaN or infinite."""
        value = self._values.get(name)
        return self._absent(name, default) if value is None else self._as_number(name, value)

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a whole number of 64 bits."""
        value = self._values.get(name)
        if value is None:
            return self._absent(name, default)
        if value.WhichOneof("value") == "int_value":
            return int(value.int_value)
        number = self._as_number(name, value)
        if not (number.is_integer() and _LEAST_INTEGER <= number <= _GREATEST_INTEGER):
            raise PermanentError(f"{self._where}{name} is {number}, not a whole number")
        return int(number)

    def texts(self, name: str) -> list[str]:
        """Return a list of strings; an attribute that is absent is an empty list."""
        values = self._array(name).values
        texts = [value.string_value for value in values]
        if "" in texts:  # may also stand for a value of another type
            for value in values:
                if value.WhichOneof("value") != "string_value":
                    raise self._wrong(name, "a list of strings", value)
        return texts

    def truths(self, name: str) -> list[bool]:
        """Return a list of booleans; an attribute that is absent is an empty list."""
        values = self._array(name).values
        for value in values:
            if value.WhichOneof("value") != "bool_value":
                raise self._wrong(name, "a list of booleans", value)
        return [value.bool_value for value in values]

    def numbers(self, name: str) -> list[float]:
        """Return a list of doubles, NaN and infinities among them; an absent attribute is an empty list."""
        array = self._array(name)
        numbers = read_doubles(array.SerializeToString())
        return [self._as_number(name, value) for value in array.values] if numbers is None else numbers

    def check_length(self, name: str, values: Sized, leader: str, length: int) -> None:
        """Raise PermanentError unless a list is as long as the one it runs beside."""
        if len(values) != length:
            raise PermanentError(f"{self._where}{name} has {len(values)} values where {leader} has {length}")

    def _absent(self, name: str, default: Value | None) -> Value:
        if default is None:
            raise PermanentError(f"{self._where}{name} is missing")
        return default

    def _array(self, name: str) -> Any:
        value = self._values.get(name)
        if value is None:
            return _EMPTY
        if value.WhichOneof("value") != "array_value":
            raise self._wrong(name, "a list", value)
        return value.array_value

    def _as_number(self, name: str, value: Any) -> float:
        number: float = value.double_value
        if number:
            return number
        kind = value.WhichOneof("value")
        if kind == "double_value":
            return number
        if kind == "int_value":
            return float(value.int_value)
        raise self._wrong(name, "a number", value)

    def _wrong(self, name: str, due: str, value: Any) -> PermanentError:
        return PermanentError(f"{self._where}{name} must be {due}; it holds {_KINDS[value.WhichOneof('value')]}")


_KINDS = {
    None: "no value",
    "string_value": "a string",
    "bool_value": "a boolean",
    "int_value": "a whole number",
    "double_value": "a number",
    "array_value": "a list",
    "kvlist_value": "a map",
    "bytes_value": "bytes",
    "string_value_strindex": "a reference to a string table",
}


def filled(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not empty."""
    return {name: part for name, part in parts.items() if part}


def plain(value: Any) -> Any:
    """Return any AnyValue as what JSON can hold; bytes become hexadecimal."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(value, kind)
    if kind == "array_value":
        return [plain(part) for part in content.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in content.values}
    return content.hex() if kind == "bytes_value" else content
