"""Protobuf's wire format, written byte by byte: what every message of an answer is made of.

A library that builds messages makes an object of every number; an answer has thousands of them, and leaves as bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

VARINT, FIXED64, DELIMITED = 0, 1, 2


def varint(value: int) -> bytes:
    """Write a whole number that is not negative."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SHORT: Final = 2**12
_LENGTHS: Final = tuple(map(varint, range(2**14)))


def length(size: int) -> bytes:
    """Write a length."""
    return _LENGTHS[size] if size < 2**14 else varint(size)


@lru_cache(64)
def key(number: int, wire_type: int = DELIMITED) -> bytes:
    """Write what stands before a field."""
    return varint(number << 3 | wire_type)


@lru_cache(64)
def _short(number: int) -> tuple[bytes, ...]:
    """Return what stands before a field of each short length."""
    return tuple(key(number) + length(size) for size in range(_SHORT))


def field(number: int, body: bytes) -> bytes:
    """Write a string, bytes or message field, empty or not."""
    return key(number) + length(len(body)) + body


def prefixes(number: int, sizes: Iterable[int]) -> list[bytes]:
    """Write what stands before fields of some sizes."""
    before = _short(number)
    return [before[size] if size < _SHORT else key(number) + length(size) for size in sizes]


def fields(number: int, bodies: Sequence[bytes]) -> list[bytes]:
    """Write many fields of one number."""
    return [before + body for before, body in zip(prefixes(number, map(len, bodies)), bodies, strict=True)]


def text(number: int, value: str) -> bytes:
    """Write a string field, nothing for an empty one."""
    encoded = value.encode()
    return field(number, encoded) if encoded else b""


def whole(number: int, value: int) -> bytes:
    """Write a varint field, nothing for zero."""
    return key(number, VARINT) + varint(value) if value else b""


def double(number: int, value: float) -> bytes:
    """Write a field of a double, nothing for zero; a negative zero is written."""
    packed = struct.pack("<d", value)
    return key(number, FIXED64) + packed if any(packed) else b""


def pairs(number: int, values: Mapping[str, float]) -> bytes:
    """Write a field of a map from strings to doubles."""
    return b"".join(
        [
            field(number, field(1, name.encode()) + key(2, FIXED64) + struct.pack("<d", value))
            for name, value in values.items()
        ]
    )


def is_zero(values: Floats) -> npt.NDArray[np.bool_]:
    """Tell which doubles are left out of a message: positive zeros."""
    bits: npt.NDArray[np.bool_] = np.ascontiguousarray(values).view(np.int64) == 0
    return bits


def same(content: bytes, rows: int) -> Bytes:
    """Return the same bytes for each of some rows."""
    return np.broadcast_to(np.frombuffer(content, np.uint8), (rows, len(content)))


def packed(values: Floats) -> Bytes:
    """Return rows of doubles as rows of bytes."""
    return np.ascontiguousarray(values, "<f8").reshape(len(values), -1).view(np.uint8)


def fixed64(number: int, values: Floats) -> list[Bytes]:
    """Return a field of a double for each of some values, zeros too."""
    return [same(key(number, FIXED64), len(values)), packed(values)]


def varint_sizes(values: Whole) -> Whole:
    """Return how many bytes each number takes as a varint; 0 for zero, which is left out."""
    return np.searchsorted(1 << 7 * np.arange(9), values, side="right")


def varints(number: int, values: Whole, size: int) -> list[Bytes]:
    """Return a field of a varint for each of some numbers that all take `size` bytes."""
    shifted = values[:, None] >> 7 * np.arange(size) & 0x7F
    shifted[:, :-1] |= 0x80
    return [same(key(number, VARINT), len(values)), shifted.astype(np.uint8)]


def doubles(number: int, values: Floats) -> list[Bytes]:
    """Return a field of packed doubles for each row, nothing where rows are empty."""
    rows, count = values.shape
    return [same(key(number) + length(8 * count), rows), packed(values)] if count else []


def split(blocks: list[Bytes]) -> list[bytes]:
    """Join blocks of bytes side by side and return each row."""
    content = np.concatenate(blocks, axis=1)
    count, width = content.shape
    whole = content.tobytes()
    return [whole[start : start + width] for start in range(0, count * width, width)]
