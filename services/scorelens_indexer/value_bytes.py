"""The values of attributes, read from the bytes of an AnyValue without a message object for each.

Only what every serialiser writes is read here; for anything else, such as a field given twice or a number with more
bytes than it needs, the answer is UnusualError, and protobuf itself reads it (attributes.py).
"""

from __future__ import annotations

import functools
import struct
from typing import Any, Final

Value = Any
"""What an attribute holds: text, a number, a truth value, bytes, a map, None, or a list.

A tuple is a list whose values are all of the type of its first: text, doubles, or truth values. A list may be empty or
hold anything.
"""

TEXT, TRUTH, INTEGER, DOUBLE, ARRAY = 0x0A, 0x10, 0x18, 0x21, 0x2A  # the fields of an AnyValue
ITEM: Final = 0x0A  # the field of an ArrayValue
LONG: Final = 0x80
"""A length or a whole number of more than one byte has this bit in all of them but the last."""

DOUBLE_ITEM: Final = bytes((ITEM, 9, DOUBLE))
"""What stands before each double of an array; eight bytes of it follow."""
_TRUTH_ITEM: Final = bytes((ITEM, 2, TRUTH))
_DOUBLE_AT: Final = struct.Struct("<d").unpack_from
_STEP: Final = len(DOUBLE_ITEM) + 8
_MOST_BITS: Final = 56  # of a whole number that is read here; negative ones have more


class UnusualError(Exception):
    """Something is there that is not read here."""


def whole_at(message: bytes, at: int) -> tuple[int, int]:
    """Return the length, or whole number, that is written here and where it ends."""
    number = message[at]
    if number < LONG:
        return number, at + 1
    number -= LONG
    for bits in range(7, _MOST_BITS, 7):
        at += 1
        byte = message[at]
        if byte < LONG:
            return number | byte << bits, at + 1
        number |= byte - LONG << bits
    raise UnusualError


def read_value(message: bytes, at: int, stop: int) -> Value:
    """Read the AnyValue between two places."""
    kind = message[at]
    if kind == DOUBLE and stop - at == 9:
        return _DOUBLE_AT(message, at + 1)[0]
    size, at = whole_at(message, at + 1)
    if kind == TEXT and at + size == stop:
        return message[at:stop].decode()
    if kind == ARRAY and at + size == stop:
        return read_array(message[at:stop])
    if at != stop or kind not in (TRUTH, INTEGER):
        raise UnusualError
    if kind == TRUTH:
        return size != 0
    return size


def read_array(array: bytes) -> Value:
    """Read a serialised ArrayValue of short texts, of doubles, or of truth values."""
    if array[2:3] == b"\x21":
        return read_doubles(array)
    return read_texts(array) if array[2:3] == b"\x0a" else _read_truths(array)


def read_texts(array: bytes) -> tuple[str, ...]:
    """Read a serialised ArrayValue of short texts."""
    ascii_text = array.decode() if array.isascii() else None
    texts: list[str] = []
    at, end = 0, len(array)
    while at < end:
        size = array[at + 3]
        if array[at] != ITEM or array[at + 1] != size + 2 or array[at + 2] != TEXT or size >= LONG - 2:
            raise UnusualError
        start, at = at + 4, at + 4 + size
        texts.append(ascii_text[start:at] if ascii_text is not None else array[start:at].decode())
    if at != end or not texts:
        raise UnusualError
    return tuple(texts)


def read_doubles(array: bytes) -> tuple[float, ...]:
    """Read a serialised ArrayValue of doubles in one step."""
    count = _count(array, DOUBLE_ITEM, _STEP)
    return _doubles(count).unpack(array)


def _read_truths(array: bytes) -> tuple[bool, ...]:
    count = _count(array, _TRUTH_ITEM, 4)
    if array[3::4].translate(None, b"\0\1"):
        raise UnusualError
    return _truths(count).unpack(array)


def _count(array: bytes, before: bytes, step: int) -> int:
    """Return how many items of the same size an array has, each beginning with the same three bytes."""
    count, rest = divmod(len(array), step)
    if rest or not count or array[::step] + array[1::step] + array[2::step] != _repeated(before, count):
        raise UnusualError
    return count


@functools.lru_cache(maxsize=256)
def _repeated(before: bytes, count: int) -> bytes:
    return b"".join(bytes((byte,)) * count for byte in before)


@functools.lru_cache(maxsize=256)
def _doubles(count: int) -> struct.Struct:
    return struct.Struct("<" + f"{len(DOUBLE_ITEM)}xd" * count)


@functools.lru_cache(maxsize=256)
def _truths(count: int) -> struct.Struct:
    return struct.Struct(f"{len(_TRUTH_ITEM)}x?" * count)
