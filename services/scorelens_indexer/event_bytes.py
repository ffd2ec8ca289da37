"""The attributes of a span event, read from its bytes.

A message object for every attribute and every term is most of what a document costs the indexer, so the shapes that
calculations have are read without any: text, doubles, booleans, small whole numbers, and lists of texts or of doubles.
For anything else the answer is None, and the event is read as messages (attributes.py).

Two calculations of one model differ in their numbers and words, hardly ever in where those stand, save for the names of
the leading terms, which stand together. So what is before these and what is behind is read by the layout of an earlier
event (event_layout.py), where one of the same length is known.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Final

from scorelens import conventions as names
from scorelens_indexer.event_layout import Layout
from scorelens_indexer.event_values import ARRAY, LONG, UnusualError, Value, length_at, read_texts, read_value

_TIME, _NAME, _ATTRIBUTE = 0x09, 0x12, 0x1A  # the fields of a Span.Event
_KEY, _VALUE = 0x0A, 0x12  # the fields of a KeyValue
_WORDS: Final = bytes((_KEY, len(names.TERM_FEATURES))) + names.TERM_FEATURES.encode() + bytes((_VALUE,))
"""How the attribute begins that differs in length from event to event."""

_MOST_LENGTHS: Final = 4096
_MOST_LAYOUTS: Final = 4
_layouts: dict[int, tuple[Layout, ...]] = {}
"""Layouts that were seen, by the number of their bytes, the newest first."""


def read_attributes(event: bytes, name: str) -> dict[str, Value] | None:
    """Return the attributes of a serialised Span.Event of this name; None where messages have to be read."""
    try:
        return _attributes(event, _beginning(event, name))
    except (UnusualError, LookupError, UnicodeDecodeError, struct.error):
        return None


def _beginning(event: bytes, name: str) -> int:
    """Return where the attributes begin: behind time and name, as every serialiser writes them."""
    at = 9 if event[0] == _TIME else 0
    head = _head(name)
    if not event.startswith(head, at):
        raise UnusualError
    return at + len(head)


@functools.lru_cache(maxsize=16)
def _head(name: str) -> bytes:
    return bytes((_NAME, len(name))) + name.encode()


def _attributes(event: bytes, at: int) -> dict[str, Value]:
    key = event.find(_WORDS, at)
    if key < 0:
        return _part(event[at:])
    size, start = length_at(event, key + len(_WORDS))
    stop = start + size
    # The bytes found may also stand within a text. Then what is before them does not end where an attribute does.
    before = key - (2 if stop - key < LONG else 3)
    if before < at or event[before] != _ATTRIBUTE or length_at(event, before + 1) != (stop - key, key):
        raise UnusualError
    size, first = length_at(event, start + 1)
    if event[start] != ARRAY or first + size != stop or stop > len(event):
        raise UnusualError
    found = _part(event[at:before])
    found[names.TERM_FEATURES] = read_texts(event[first:stop])
    found |= _part(event[stop:])
    return found


def _part(part: bytes) -> dict[str, Value]:
    """Read whole attributes."""
    known = _layouts.get(len(part), ())
    for layout in known:
        found = layout.read(part)
        if found is not None:
            return found
    places = list(_places(part))
    found = {name: read_value(part, at, stop) for name, at, stop in places}
    if len(_layouts) >= _MOST_LENGTHS:
        _layouts.clear()
    _layouts[len(part)] = (Layout(part, places), *known[: _MOST_LAYOUTS - 1])
    return found


def _places(part: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each attribute, and where its value begins and ends."""
    at, end = 0, len(part)
    while at < end:
        if part[at] != _ATTRIBUTE:
            raise UnusualError
        size, start = length_at(part, at + 1)
        stop = start + size
        if part[start] != _KEY or stop > end:
            raise UnusualError
        size, start = length_at(part, start + 1)
        at = start + size
        name = part[start:at].decode()
        if part[at] != _VALUE:
            raise UnusualError
        size, at = length_at(part, at + 1)
        if at + size != stop:
            raise UnusualError
        yield name, at, stop
        at = stop
