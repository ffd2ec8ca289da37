"""Typed reading of OTLP attributes.

Any OpenTelemetry SDK may have written them, so a whole number is taken where a fraction is due and the other way
around, and an empty list has no type at all. Everything else that does not fit is a PermanentError with the name of the
attribute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any, TypeVar

from scorelens_indexer.errors import PermanentError
from scorelens_indexer.message_values import Reference
from scorelens_indexer.value_bytes import Value

One = TypeVar("One")

_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**63 - 1


class Attributes:
    """The attributes of one span or event by name. Lists that are returned belong to nobody: none may be changed."""

    __slots__ = ("_values", "_where")

    def __init__(self, values: Mapping[str, Value], where: str = "") -> None:
        """Take values by name; `where` stands before the name of an attribute in errors."""
        self._values = values
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def has_any(self, names: frozenset[str]) -> bool:
        """Tell whether one of these attributes is there."""
        return not names.isdisjoint(self._values)

    def at(self, where: str) -> None:
        """Say in later errors where these attributes are."""
        self._where = where

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string."""
        value = self._values.get(name, default)
        if type(value) is str:
            return value
        raise self._refusal(name, "a string", value)

    def truth(self, name: str) -> bool:
        """Return a boolean."""
        value = self._values.get(name)
        if type(value) is bool:
            return value
        raise self._refusal(name, "a boolean", value)

    def number(self, name: str, default: float | None = None) -> float:
        """Return a double; it may be NaN or infinite."""
        value = self._values.get(name, default)
        return value if type(value) is float else self._as_number(name, value)

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a whole number of 64 bits."""
        value = self._values.get(name, default)
        if type(value) is int:
            return value
        number = self._as_number(name, value)
        if not (number.is_integer() and _LEAST_INTEGER <= number <= _GREATEST_INTEGER):
            raise PermanentError(f"{self._where}{name} is {number}, not a whole number")
        return int(number)

    def texts(self, name: str) -> Sequence[str]:
        """Return a list of strings; an attribute that is absent is an empty list."""
        return self._list(name, str, "a list of strings")

    def truths(self, name: str) -> Sequence[bool]:
        """Return a list of booleans; an attribute that is absent is an empty list."""
        return self._list(name, bool, "a list of booleans")

    def numbers(self, name: str) -> Sequence[float]:
        """Return a list of doubles, NaN and infinities among them; an absent attribute is an empty list."""
        values = self._values.get(name, ())
        if type(values) is tuple and (not values or type(values[0]) is float):
            return values
        if type(values) not in (tuple, list):
            raise self._refusal(name, "a list", values)
        return [self._as_number(name, value) for value in values]

    def check_length(self, name: str, values: Sized, leader: str, length: int) -> None:
        """Raise PermanentError unless a list is as long as the one it runs beside."""
        if len(values) != length:
            raise PermanentError(f"{self._where}{name} has {len(values)} values where {leader} has {length}")

    def _list(self, name: str, kind: type[One], due: str) -> Sequence[One]:
        values = self._values.get(name, ())
        if type(values) not in (tuple, list):
            raise self._refusal(name, "a list", values)
        if type(values) is list or (values and type(values[0]) is not kind):
            for value in values:
                if type(value) is not kind:
                    raise self._refusal(name, due, value)
        found: Sequence[One] = values
        return found

    def _as_number(self, name: str, value: Value) -> float:
        if type(value) is float or type(value) is int:
            return float(value)
        raise self._refusal(name, "a number", value)

    def _refusal(self, name: str, due: str, value: Value) -> PermanentError:
        if name not in self._values:
            return PermanentError(f"{self._where}{name} is missing")
        return PermanentError(f"{self._where}{name} must be {due}; it holds {_KINDS[type(value)]}")


_KINDS: dict[type, str] = {
    type(None): "no value",
    str: "a string",
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
    list: "a list",
    tuple: "a list",
    dict: "a map",
    bytes: "bytes",
    Reference: "a reference to a string table",
}


def filled(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not empty."""
    return {name: part for name, part in parts.items() if part}
