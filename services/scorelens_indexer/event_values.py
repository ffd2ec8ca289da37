"""The values of attributes, read from the bytes of an AnyValue without a message object for each."""

from __future__ import annotations

import functools
import struct
from typing import Final

Value = str | float | int | bool | list[str] | list[float]

TEXT, TRUTH, INTEGER, DOUBLE, ARRAY = 0x0A, 0x10, 0x18, 0x21, 0x2A  # the fields of an AnyValue
ITEM: Final = 0x0A  # the field of an ArrayValue
LONG: Final = 0x80
"""A length or a whole number of more than one byte begins with this bit; one that has a third is not read here."""

DOUBLE_ITEM: Final = bytes((ITEM, 9, DOUBLE))
"""What stands before each double of an array; eight bytes of it follow."""
_DOUBLE_AT: Final = struct.Struct("<d").unpack_from
_STEP: Final = len(DOUBLE_ITEM) + 8


class UnusualError(Exception):
    """Something is there that is not read here."""


def length_at(message: bytes, at: int) -> tuple[int, int]:
    """Return the length, or whole number, that is written here and where it ends."""
    size = message[at]
    if size < LONG:
        return size, at + 1
    high = message[at + 1]
    if high >= LONG:
        raise UnusualError
    return size - LONG + (high << 7), at + 2


def read_value(message: bytes, at: int, stop: int) -> Value:
    """Read the AnyValue between two places."""
    kind = message[at]
    if kind == DOUBLE and stop - at == 9:
        return float(_DOUBLE_AT(message, at + 1)[0])
    size, at = length_at(message, at + 1)
    if kind == ARRAY and at + size == stop:
        return _read_array(message[at:stop])
    if kind == TEXT and at + size == stop:
        return message[at:stop].decode()
    if at != stop or kind not in (TRUTH, INTEGER):
        raise UnusualError
    return bool(size) if kind == TRUTH else size


def _read_array(array: bytes) -> list[str] | list[float]:
    doubles = read_doubles(array)
    return read_texts(array) if doubles is None else doubles


def read_texts(array: bytes) -> list[str]:
    """Read a serialised ArrayValue of short strings."""
    ascii_text = array.decode() if array.isascii() else None
    texts: list[str] = []
    at, end = 0, len(array)
    while at < end:
        size = array[at + 3]
        if array[at] != ITEM or array[at + 1] != size + 2 or array[at + 2] != TEXT or size >= LONG - 2:
            raise UnusualError
        start, at = at + 4, at + 4 + size
        texts.append(ascii_text[start:at] if ascii_text is not None else array[start:at].decode())
    if at != end:
        raise UnusualError
    return texts


def read_doubles(array: bytes) -> list[float] | None:
    """Read a serialised ArrayValue whose values are all doubles in one step; None when anything else is in it."""
    count, rest = divmod(len(array), _STEP)
    if rest or any(array[place::_STEP] != bytes((byte,)) * count for place, byte in enumerate(DOUBLE_ITEM)):
        return None
    return list(_doubles(count).unpack(array))


@functools.lru_cache(maxsize=256)
def _doubles(count: int) -> struct.Struct:
    return struct.Struct("<" + f"{len(DOUBLE_ITEM)}xd" * count)
