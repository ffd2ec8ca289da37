"""Values in queries, read as their field's type."""

from __future__ import annotations

import math
import re
import struct
from datetime import datetime
from decimal import Decimal
from typing import Final

from scorelens_store.fields import Field, Type
from scorelens_store.query.dates import parse_date
from scorelens_store.query.tree import Equals, Node, Range, Value

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")
_SINGLE: Final = struct.Struct("<f")
_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**63 - 1


def single(number: float) -> float:
    """Round a number to 32 bits, as every store indexes it. Raises OverflowError where it is too large for them."""
    rounded: float = _SINGLE.unpack(_SINGLE.pack(number))[0]
    return rounded


def read_value(field: Field, text: str) -> Value:
    """Read a value of a keyword, number or boolean field. Raises ValueError with the reason."""
    match field.type:
        case Type.FLOAT:
            return _float(text)
        case Type.INTEGER:
            return _integer(text)
        case Type.BOOLEAN:
            return _boolean(text)
    return text


def equality(field: Field, text: str, now: datetime) -> Node:
    """Return what `field:text` means; a date means the whole span that it names."""
    if field.type is Type.DATE:
        start, end = parse_date(text, now)
        return Range(field, start, end, with_high=False)
    return Equals(field, read_value(field, text))


def bounds(field: Field, low: str | None, high: str | None, with_low: bool, with_high: bool, now: datetime) -> Range:
    """Return a range; a date as a bound is the beginning or the end of its span, as the bound includes it or not."""
    if field.type is Type.DATE:
        first = None if low is None else parse_date(low, now)[0 if with_low else 1]
        last = None if high is None else parse_date(high, now)[1 if with_high else 0]
        return Range(field, first, last, with_low=True, with_high=False)
    return Range(
        field,
        None if low is None else read_value(field, low),
        None if high is None else read_value(field, high),
        with_low,
        with_high,
    )


def _float(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError("is not a number")
    try:
        number = single(float(text))
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("is too large a number")
    return number


def _integer(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("is not a whole number")
    number = Decimal(text)
    if not _LEAST_INTEGER <= number <= _GREATEST_INTEGER:
        raise ValueError("is too large a number")
    if number != int(number):
        raise ValueError("is not a whole number")
    return int(number)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text == "true"
