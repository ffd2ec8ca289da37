"""Calculations, read from the bytes of their events by the layout that those of a model share.

A message object for every attribute and every term is most of what a document would cost the indexer. But two
calculations of one tag differ in their numbers and words, hardly ever in where those stand, save for the names of the
terms, which stand together. So an event is read in three parts:

- what is before the names (the tag, how it is explained, the intercept) is the same in many documents: what was read of
  it once is remembered;
- the names are read one by one;
- what is behind them is read by the layout of an earlier event (calculation_layout.py).

Only what the sidecar writes is read here; any other event is read as messages.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from scorelens import conventions as names
from scorelens.tag_names import is_tag_id
from scorelens_indexer.attribute_bytes import ATTRIBUTE, places_of
from scorelens_indexer.calculation import EXPLANATIONS, Calculation
from scorelens_indexer.calculation_layout import Layout
from scorelens_indexer.value_bytes import ARRAY, UnusualError, read_texts, read_value, whole_at
from scorelens_runtime.wire import field, length

_TIME: Final = 0x09  # a field of a Span.Event
_HEAD: Final = field(2, names.CALCULATION_EVENT.encode())
_WORDS: Final = field(1, names.TERM_FEATURES.encode()) + b"\x12"
"""How the attribute begins that has the names of the terms, behind its own length."""

_MOST_BEGINNINGS: Final = 4096
_MOST_LAYOUTS: Final = 8  # of one size
_LARGEST_LAYOUT: Final = 256 * 2**10
_ROOM: Final = 16 * _LARGEST_LAYOUT
"""Bytes whose layouts are remembered; beyond it all are forgotten, and the next ones remembered."""


class _Layouts:
    """Layouts that were seen."""

    def __init__(self) -> None:
        self._by_size: dict[int, tuple[Layout, ...]] = {}  # the newest first
        self._room = _ROOM

    def read(self, rest: bytes, terms: int) -> Sequence[Any] | None:
        """Return the fields behind the names of so many terms; None where messages have to be read."""
        for layout in self._by_size.get(len(rest), ()):
            found = layout.read(rest)
            if found is not None:
                return found if layout.terms == terms else None
        layout = self._learn(rest)
        return layout.read(rest) if layout.terms == terms else None

    def _learn(self, rest: bytes) -> Layout:
        size = len(rest)
        if size > _LARGEST_LAYOUT:
            raise UnusualError
        layout = Layout(rest)
        if size > self._room:
            self._by_size.clear()
            self._room = _ROOM
        self._room -= size
        self._by_size[size] = (layout, *self._by_size.get(size, ())[: _MOST_LAYOUTS - 1])
        return layout


_layouts: Final = _Layouts()
_beginnings: Final[dict[bytes, tuple[str, str, float]]] = {}
"""Tag, explanation and intercept by the bytes that hold them."""


def read_calculation(event: bytes) -> Calculation | None:
    """Return the calculation in a serialised Span.Event; None where messages have to be read."""
    try:
        return _read(event)
    except (UnusualError, LookupError, UnicodeDecodeError):
        return None


def _read(event: bytes) -> Calculation | None:
    key = event.find(_WORDS)
    if key < 0:
        return None
    size, start = whole_at(event, key + len(_WORDS))
    stop = start + size
    size, first = whole_at(event, start + 1)
    if event[start] != ARRAY or first + size != stop or stop > len(event):
        return None
    head = _attribute_head(stop - key)
    # The bytes found may also stand within a text. Then what is before them does not end where an attribute does.
    if not event.endswith(head, 0, key):
        return None
    beginning = event[9 if event[0] == _TIME else 0 : key - len(head)]
    tag, explanation, intercept = _beginnings.get(beginning) or _learn_beginning(beginning)
    features = read_texts(event[first:stop])
    rest = _layouts.read(event[stop:], len(features))
    return None if rest is None else Calculation._make((tag, explanation, intercept, features, *rest))


@functools.lru_cache(maxsize=4096)
def _attribute_head(size: int) -> bytes:
    """Return how an attribute of so many bytes begins."""
    return bytes((ATTRIBUTE,)) + length(size)


def _learn_beginning(beginning: bytes) -> tuple[str, str, float]:
    if not beginning.startswith(_HEAD):
        raise UnusualError
    part = beginning[len(_HEAD) :]
    found = [(name, read_value(part, at, stop)) for name, at, stop in places_of(part)]
    if [name for name, _ in found] != [names.CALCULATION_TAG, names.EXPLANATION, names.INTERCEPT]:
        raise UnusualError
    tag, explanation, intercept = (value for _, value in found)
    if not (type(tag) is str and is_tag_id(tag) and explanation in EXPLANATIONS and type(intercept) is float):
        raise UnusualError
    if len(_beginnings) >= _MOST_BEGINNINGS:
        _beginnings.clear()
    _beginnings[beginning] = tag, explanation, intercept
    return _beginnings[beginning]
