"""Messages that cannot be decoded: which field is at fault.

protobuf says only that a message cannot be parsed; people look for the one string that is not UTF-8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message


@dataclass(frozen=True)
class Undecodable:
    """Stands for a message that cannot be decoded; `reason` names the field."""

    reason: str


def decoder(kind: type[Message]) -> Callable[[bytes], Any]:
    """Return a function that decodes a message of a kind, or returns Undecodable."""

    def decode(data: bytes) -> Message | Undecodable:
        try:
            return kind.FromString(data)
        except DecodeError:
            return Undecodable(explain(kind.DESCRIPTOR, data))

    return decode


def explain(kind: Any, data: bytes) -> str:
    """Say why a message that protobuf refuses cannot be decoded."""
    try:
        return _find(kind, data, "") or f"the message is not a {kind.full_name}"
    except (ValueError, IndexError):
        return f"the message is not a {kind.full_name}: it ends too early or is no protobuf at all"


def _find(kind: Any, data: bytes, where: str) -> str:
    seen: Counter[int] = Counter()
    for number, content in _fields(data):
        field = kind.fields_by_number.get(number)
        if field is None or content is None:
            continue
        place = f"{where}{field.name}" + (f"[{seen[number]}]" if field.is_repeated else "")
        seen[number] += 1
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            found = _find(field.message_type, content, f"{place}.")
            if found:
                return found
        elif field.type == FieldDescriptor.TYPE_STRING:
            try:
                content.decode()
            except UnicodeDecodeError as error:
                return f"{place}: is not UTF-8 at byte {error.start + 1}"
    return ""


def _fields(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and the content, if it has a length, of each field. Raises ValueError or IndexError."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        content, wire = None, key & 7
        if wire == 0:
            _, place = _varint(data, place)
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        elif wire == 2:
            length, place = _varint(data, place)
            content = data[place : place + length]
            place += length
        else:
            raise ValueError(f"wire type {wire}")
        if place > len(data):
            raise ValueError("cut off")
        yield key >> 3, content


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number of more than ten bytes")
