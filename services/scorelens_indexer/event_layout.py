"""Where the values stand in attributes that were read once, to read others like them without looking.

Two steps in C take the place of a hundred in Python: the bytes that are no value (names, types, lengths) are compared
with those of the layout all at once, as one large whole number, and every value is unpacked at once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

from scorelens_indexer.event_values import (
    ARRAY,
    DOUBLE,
    DOUBLE_ITEM,
    INTEGER,
    LONG,
    TEXT,
    UnusualError,
    Value,
    length_at,
    read_doubles,
)

_Field = tuple[str, int | slice, Callable[[Any], Value] | None]


class Layout:
    """The layout of some attributes: their names, the types and lengths of their values, and of nothing else."""

    def __init__(self, part: bytes, places: Iterable[tuple[str, int, int]]) -> None:
        """Take attributes as an example, with name, beginning and end of each value in it; each has to be readable."""
        draft = _Draft(part)
        self._fields: Final = [draft.field(name, at, stop) for name, at, stop in places]
        self._mask: Final = int.from_bytes(draft.mask, "little")
        self._fixed: Final = int.from_bytes(part, "little") & self._mask
        self._unpack: Final = struct.Struct(f"<{draft.format}{len(part) - draft.at}x").unpack

    def read(self, part: bytes) -> dict[str, Value] | None:
        """Return the attributes in as many bytes; None where the layout is another one."""
        if int.from_bytes(part, "little") & self._mask != self._fixed:
            return None
        values: Any = self._unpack(part)
        return {
            name: values[place] if convert is None else convert(values[place]) for name, place, convert in self._fields
        }


class _Draft:
    """A layout in the making: what is masked out may differ, and is unpacked by the format."""

    def __init__(self, part: bytes) -> None:
        self.mask, self.format, self.at = bytearray(b"\xff" * len(part)), "", 0
        self._part, self._count = part, 0

    def field(self, name: str, at: int, stop: int) -> _Field:
        """Let one value differ; return where it will be among what is unpacked, and what makes a value of that."""
        kind = self._part[at]
        if kind == DOUBLE:
            return name, self._take(at + 1, "d", 8), None
        size, at = length_at(self._part, at + 1)
        if kind == ARRAY:
            return self._array(name, at, stop)
        if kind == TEXT:
            return name, self._take(at, f"{size}s", size), bytes.decode
        if kind == INTEGER and size >= LONG:
            return name, self._take(at - 2, "H", 2, LONG), _two_bytes
        # Of a truth value one bit may differ, and of a number the seven that are not about its length.
        return (name, self._take(at - 1, "B", 1, LONG), None) if kind == INTEGER else self._truth(name, at - 1)

    def _truth(self, name: str, at: int) -> _Field:
        if self._part[at] > 1:
            raise UnusualError
        return name, self._take(at, "?", 1, 0xFE), None

    def _array(self, name: str, at: int, stop: int) -> _Field:
        first = self._count
        if read_doubles(self._part[at:stop]) is not None:
            for start in range(at, stop, len(DOUBLE_ITEM) + 8):
                self._take(start + len(DOUBLE_ITEM), "d", 8)
            return name, slice(first, self._count), list
        while at < stop:
            size = self._part[at + 3]
            self._take(at + 4, f"{size}s", size)
            at += 4 + size
        return name, slice(first, self._count), _decode_all

    def _take(self, at: int, code: str, size: int, fixed_bits: int = 0) -> int:
        self.format += f"{at - self.at}x{code}"
        self.mask[at : at + size] = bytes((fixed_bits,)) * size
        self.at = at + size
        self._count += 1
        return self._count - 1


def _two_bytes(number: int) -> int:
    """Return the whole number whose two groups of seven bits, the low one first, were read as 16 bits."""
    return number & 0x7F | number >> 8 << 7


def _decode_all(texts: Iterable[bytes]) -> list[str]:
    return [text.decode() for text in texts]
