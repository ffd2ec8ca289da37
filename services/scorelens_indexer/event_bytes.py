"""The attributes of a span event, read from its bytes.

A message object for every attribute and every term is most of what a document costs the indexer, so the shapes that
calculations have are read without any: text, doubles, booleans, small whole numbers, and lists of texts or of doubles.
For anything else the answer is None, and the event is read as messages (attributes.py).
"""

from __future__ import annotations

import functools
import struct
from typing import Final

Value = str | float | int | bool | list[str] | list[float]

_TIME, _NAME, _ATTRIBUTE = 0x09, 0x12, 0x1A  # the fields of a Span.Event
_KEY, _VALUE = 0x0A, 0x12  # the fields of a KeyValue
_TEXT, _TRUTH, _INTEGER, _DOUBLE, _ARRAY = 0x0A, 0x10, 0x18, 0x21, 0x2A  # the fields of an AnyValue
_LONG: Final = 0x80  # a length of more than one byte begins with this bit
_HIGH: Final = {byte: byte << 7 for byte in range(_LONG)}
"""What the second byte of a length adds; one that has a third is not read here."""
_DOUBLE_AT: Final = struct.Struct("<d").unpack_from
_ITEM: Final = 11  # bytes of a double in an array: tag and length of its AnyValue, tag of the double, the double


class _UnusualError(Exception):
    """Something is there that is not read here."""


def read_attributes(event: bytes, name: str) -> dict[str, Value] | None:
    """Return the attributes of a serialised Span.Event of this name; None where messages have to be read."""
    try:
        return _attributes(event, _beginning(event, name))
    except (_UnusualError, LookupError, UnicodeDecodeError, struct.error):
        return None


def _beginning(event: bytes, name: str) -> int:
    """Return where the attributes begin: behind time and name, as every serialiser writes them."""
    at = 9 if event[0] == _TIME else 0
    head = _head(name)
    if not event.startswith(head, at):
        raise _UnusualError
    return at + len(head)


@functools.lru_cache(maxsize=16)
def _head(name: str) -> bytes:
    return bytes((_NAME, len(name))) + name.encode()


def _attributes(event: bytes, at: int) -> dict[str, Value]:
    # One loop with no call for what is frequent: this is the hottest code of the indexer.
    found: dict[str, Value] = {}
    end = len(event)
    while at < end:
        if event[at] != _ATTRIBUTE:
            raise _UnusualError
        size, at = event[at + 1], at + 2
        if size >= _LONG:
            size, at = size - _LONG + _HIGH[event[at]], at + 1
        stop = at + size
        size, start = event[at + 1], at + 2
        if event[at] != _KEY or size >= _LONG or stop > end:
            raise _UnusualError
        at = start + size
        name = event[start:at].decode()
        if event[at] != _VALUE:
            raise _UnusualError
        size, at = event[at + 1], at + 2
        if size >= _LONG:
            size, at = size - _LONG + _HIGH[event[at]], at + 1
        if at + size != stop:
            raise _UnusualError
        if size == 9 and event[at] == _DOUBLE:
            found[name] = _DOUBLE_AT(event, at + 1)[0]
        else:
            found[name] = _value(event, at, stop)
        at = stop
    return found


def _value(event: bytes, at: int, stop: int) -> Value:
    kind, size, at = event[at], event[at + 1], at + 2
    if size >= _LONG:
        size, at = size - _LONG + _HIGH[event[at]], at + 1
    if kind == _ARRAY and at + size == stop:
        return _array(event[at:stop])
    if kind == _TEXT and at + size == stop:
        return event[at:stop].decode()
    if at != stop or kind not in (_TRUTH, _INTEGER):
        raise _UnusualError
    return bool(size) if kind == _TRUTH else size


def _array(array: bytes) -> list[str] | list[float]:
    if not array:
        return []
    doubles = read_doubles(array)
    return _texts(array) if doubles is None else doubles


def _texts(array: bytes) -> list[str]:
    """Read a serialised ArrayValue of short strings."""
    ascii_text = array.decode() if array.isascii() else None
    texts: list[str] = []
    at, end = 0, len(array)
    while at < end:
        size = array[at + 3]
        if array[at] != 0x0A or array[at + 1] != size + 2 or array[at + 2] != _TEXT or size >= _LONG - 2:
            raise _UnusualError
        start, at = at + 4, at + 4 + size
        texts.append(ascii_text[start:at] if ascii_text is not None else array[start:at].decode())
    if at != end:
        raise _UnusualError
    return texts


def read_doubles(array: bytes) -> list[float] | None:
    """Read a serialised ArrayValue whose values are all doubles in one step; None when anything else is in it."""
    count, rest = divmod(len(array), _ITEM)
    if (
        rest
        or array[0::_ITEM] != b"\x0a" * count  # the tag of an AnyValue,
        or array[1::_ITEM] != b"\x09" * count  # its length
        or array[2::_ITEM] != b"\x21" * count  # and the tag of its double; the double is the last eight bytes
    ):
        return None
    return list(_layout(count).unpack(array))


@functools.lru_cache(maxsize=256)
def _layout(count: int) -> struct.Struct:
    return struct.Struct("<" + "3xd" * count)
