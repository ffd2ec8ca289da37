"""OTLP's protobuf messages, written byte by byte.

An array of numbers is one object per number in every protobuf library; written here it is one `struct.pack`. That makes
a document with its terms several times cheaper than through generated classes. The functions return the bodies of
messages; `field` of scorelens_runtime.wire puts one into its parent. Field numbers are those of
opentelemetry-proto 1.x.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from scorelens_runtime.wire import FIXED64, VARINT, field, key, length, varint

SPAN_ATTRIBUTES = 9
SPAN_EVENTS = 11
EVENT_ATTRIBUTES = 3
RESOURCE_ATTRIBUTES = 1

_NUMBER = b"\x0a\x09\x21"  # ArrayValue.values, nine bytes long: AnyValue.double_value, fixed 64 bits
_TRUE, _FALSE = b"\x0a\x02\x10\x01", b"\x0a\x02\x10\x00"
_SHORT = 126  # lengths of one byte, for the string and for the two bytes longer AnyValue around it
_SHORT_STRINGS = tuple(bytes((0x0A, size + 2, 0x0A, size)) for size in range(_SHORT))


def number_field(number: int, value: int) -> bytes:
    """Write a varint field."""
    return key(number, VARINT) + varint(value)


def fixed64_field(number: int, value: int) -> bytes:
    """Write a fixed64 field."""
    return key(number, FIXED64) + struct.pack("<Q", value)


@lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    return field(1, name.encode())


def _attribute(name: str, value: bytes) -> bytes:
    return _key(name) + b"\x12" + length(len(value)) + value


def text(name: str, value: str) -> bytes:
    """Write a KeyValue of a string."""
    return _attribute(name, field(1, value.encode()))


def boolean(name: str, value: bool) -> bytes:
    """Write a KeyValue of a boolean."""
    return _attribute(name, b"\x10\x01" if value else b"\x10\x00")


def integer(name: str, value: int) -> bytes:
    """Write a KeyValue of a signed 64-bit integer."""
    return _attribute(name, b"\x18" + varint(value))


def double(name: str, value: float) -> bytes:
    """Write a KeyValue of a double; NaN and infinities are values like any other."""
    return _attribute(name, struct.pack("<cd", b"\x21", value))


def texts(name: str, values: Sequence[str]) -> bytes:
    """Write a KeyValue of an array of strings."""
    parts: list[bytes] = []
    for value in values:
        encoded = value.encode()
        size = len(encoded)
        parts.append(_SHORT_STRINGS[size] if size < _SHORT else _long_string(size))
        parts.append(encoded)
    return _array(name, b"".join(parts))


def doubles(name: str, values: Sequence[float]) -> bytes:
    """Write a KeyValue of an array of doubles."""
    count = len(values)
    interleaved: list[bytes | float] = [_NUMBER] * (2 * count)
    interleaved[1::2] = values
    return _array(name, _numbers(count).pack(*interleaved))


def booleans(name: str, values: Sequence[bool]) -> bytes:
    """Write a KeyValue of an array of booleans."""
    return _array(name, b"".join([_TRUE if value else _FALSE for value in values]))


def _array(name: str, values: bytes) -> bytes:
    return _attribute(name, b"\x2a" + length(len(values)) + values)


def _long_string(size: int) -> bytes:
    inner = b"\x0a" + length(size)
    return b"\x0a" + length(len(inner) + size) + inner


@lru_cache(maxsize=256)
def _numbers(count: int) -> struct.Struct:
    return struct.Struct("<" + "3sd" * count)
