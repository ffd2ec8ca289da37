"""Protobuf's wire format: what stands before a field, for those who write messages byte by byte."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

VARINT, FIXED64, DELIMITED = 0, 1, 2


def varint(value: int) -> bytes:
    """Write an unsigned number of up to 64 bits, or a negative one as its two's complement."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_LENGTHS: Final = tuple(map(varint, range(2**14)))


def length(size: int) -> bytes:
    """Write a length."""
    return _LENGTHS[size] if size < 2**14 else varint(size)


@lru_cache(maxsize=64)
def key(number: int, wire_type: int = DELIMITED) -> bytes:
    """Write the number and the type of a field."""
    return varint(number << 3 | wire_type)


def field(number: int, body: bytes) -> bytes:
    """Write a string, bytes or message field, empty or not."""
    return key(number) + length(len(body)) + body
