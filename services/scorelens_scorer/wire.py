"""Protobuf's wire format, written byte by byte: what every message of an answer is made of.

A library that builds messages makes an object of every number; an answer has thousands of them, and leaves as bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from scorelens_runtime.wire import FIXED64, VARINT, field, key, length, varint

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_SHORT: Final = 2**12


@lru_cache(64)
def _short(number: int) -> tuple[bytes, ...]:
    """Return what stands before a field of each short length."""
    return tuple(key(number) + length(size) for size in range(_SHORT))


def prefixes(number: int, sizes: Iterable[int]) -> list[bytes]:
    """Write what stands before fields of some sizes."""
    before = _short(number)
    return [before[size] if size < _SHORT else key(number) + length(size) for size in sizes]


def text(number: int, value: str) -> bytes:
    """Write a string field, nothing for an empty one."""
    encoded = value.encode()
    return field(number, encoded) if encoded else b""


@lru_cache(2**14)
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


def cut(before: bytes, values: Floats) -> list[bytes]:
    """Write each of some doubles with the same bytes before it, nothing for zeros."""
    rows = np.empty((len(values), len(before) + 8), np.uint8)
    rows[:, : len(before)] = np.frombuffer(before, np.uint8)
    rows[:, len(before) :] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    content, width = rows.tobytes(), rows.shape[1]
    pieces = [content[start : start + width] for start in range(0, len(content), width)]
    for place in np.flatnonzero(is_zero(values)).tolist():
        pieces[place] = b""
    return pieces


def varint_sizes(values: Whole) -> Whole:
    """Return how many bytes each number takes as a varint; 0 for zero, which is left out."""
    return np.searchsorted(1 << 7 * np.arange(9), values, side="right")
