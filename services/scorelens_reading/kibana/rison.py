"""Rison, the notation in which Kibana keeps the state of a page in its address: JSON with few signs to be escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

Value = str | bool | int | float | None | Sequence["Value"] | Mapping[str, "Value"]

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ESCAPED: Final = re.compile(r"(['!])")


def encode(value: Value) -> str:
    """Return a value in Rison, not yet percent-encoded. Raises ValueError for numbers that are not finite."""
    match value:
        case None:
            return "!n"
        case bool():
            return "!t" if value else "!f"
        case str():
            return _text(value)
        case int() | float():
            return _number(value)
        case Mapping():
            return "(" + ",".join(f"{_text(key)}:{encode(part)}" for key, part in value.items()) + ")"
    return "!(" + ",".join(map(encode, value)) + ")"


def _text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else "'" + _ESCAPED.sub(r"!\1", text) + "'"


def _number(number: float) -> str:
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"{number!r} cannot be written in an address")
    # The notation has no plus sign before an exponent.
    return repr(number).replace("e+", "e")
