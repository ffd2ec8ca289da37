"""Messages of which only the beginning was kept: as much of them as can be read without guessing.

What is cut in its middle is left out, so that no number, id or calculation is half of what it was; only the words of a
document are taken as far as they go.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from scorelens.v1.scorer_pb2 import Calculations, Document, ScoreRequest, ScoreResponse
from scorelens_runtime.wire import field

Readable = TypeVar("Readable", bound=Message)

_READ_IN_PART: Final = frozenset(
    kind.DESCRIPTOR.full_name for kind in (ScoreRequest, ScoreResponse, Calculations, Document)
)
_WORDS: Final = frozenset(f"{Document.DESCRIPTOR.full_name}.{name}" for name in ("title", "text"))
_FIXED_SIZES: Final = {1: 8, 5: 4}


def read_beginning(kind: type[Readable], data: bytes) -> Readable:
    """Parse the first bytes of a message; raises DecodeError when they are not how such a message begins."""
    return kind.FromString(_whole_fields(kind.DESCRIPTOR, data))


def _whole_fields(kind: Any, data: bytes) -> bytes:
    at = 0
    while at < len(data):
        try:
            number, _, value, end = read_field(data, at)
        except IndexError:  # the cut is within a field's head
            break
        if end > len(data):
            return data[:at] + _cut_field(kind.fields_by_number.get(number), data[value:])
        at = end
    return data[:at]


def _cut_field(descriptor: Any, rest: bytes) -> bytes:
    if descriptor is None:
        return b""
    if descriptor.full_name in _WORDS:
        return field(descriptor.number, rest.decode(errors="ignore").encode())
    if descriptor.message_type is not None and descriptor.message_type.full_name in _READ_IN_PART:
        return field(descriptor.number, _whole_fields(descriptor.message_type, rest))
    return b""


def read_field(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Return a field's number, its wire type, where its value starts and where it ends.

    Raises IndexError where its head is cut.
    """
    tag, at = _varint(data, at)
    number, kind = tag >> 3, tag & 7
    size = _FIXED_SIZES.get(kind, 0)
    if kind == 0:
        _, end = _varint(data, at)
        return number, kind, at, end
    if kind == 2:
        size, at = _varint(data, at)
    return number, kind, at, at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
