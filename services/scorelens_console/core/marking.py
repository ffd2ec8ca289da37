"""Which words of a text carried a decision, how much, and which way (pure).

What a term adds to the margin is shared evenly among the places where it stands, and within a place among its words;
a part of a word counts for the word that it is part of. So the words add up to the terms that stand in the text.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from scorelens_console.core.words import Place, Places, Span
from scorelens_reading.calculation import Term

LEVELS: Final = 4
"""Strengths that can be told apart."""
FAINTEST: Final = 0.04
"""Part of the strongest word below which a word is not marked."""


@dataclass(frozen=True)
class Word:
    """A word of the text, what it adds to the margin, and the terms that stand in it, with what each adds there.

    `level` is from 1 to LEVELS, and 0 for a word that is too faint to be marked.
    """

    start: int
    end: int
    adds: float = 0.0
    terms: Mapping[int, float] = field(default_factory=dict)
    level: int = 0

    @property
    def speaks_for(self) -> bool:
        """Tell whether it raises the margin."""
        return self.adds > 0


@dataclass(frozen=True)
class Marks:
    """The words that carry terms, in order, and in how many places of the text each term stands, by its number."""

    words: Sequence[Word] = ()
    places: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """A piece of text that is written alike: within a word that carries terms or not, searched for or not."""

    text: str
    word: Word | None
    found: bool


def mark(text: str, terms: Sequence[Term]) -> Marks:
    """Find the words of a text that carry terms."""
    if not text or not terms:
        return Marks()
    places = Places(text)
    found = places.find(term.feature for term in terms)
    units = places.units
    starts = [start for start, _ in units]
    shares: dict[int, dict[int, float]] = {}
    for number, term in enumerate(terms):
        own = found.get(term.feature, ())
        each = term.contribution / len(own) if own and math.isfinite(term.contribution) else 0.0
        for place in own:
            for at, part in _parts(place, units, starts):
                shared = shares.setdefault(at, {})
                shared[number] = shared.get(number, 0.0) + part * each
    words = [Word(*units[at], sum(shares[at].values()), shares[at]) for at in sorted(shares)]
    counts = {number: len(found[term.feature]) for number, term in enumerate(terms) if term.feature in found}
    return Marks(_levelled(words), counts)


def pieces(text: str, words: Sequence[Word], found: Iterable[Span] = ()) -> Iterator[Piece]:
    """Cut a text where words and what was searched for begin and end; the pieces together are the text."""
    hits = _merged(found)
    cuts = {0, len(text)}
    for start, end in [*hits, *((word.start, word.end) for word in words)]:
        cuts.update((max(0, min(start, len(text))), max(0, min(end, len(text)))))
    edges = sorted(cuts)
    marks, spans = _Cursor([(word.start, word.end) for word in words]), _Cursor(hits)
    for start, end in pairwise(edges):
        at = marks.at(start)
        yield Piece(text[start:end], None if at is None else words[at], spans.at(start) is not None)


def within(words: Iterable[Word], start: int, end: int) -> list[Word]:
    """Return the words of a part of a text, counted from where the part begins."""
    return [
        replace(word, start=max(word.start, start) - start, end=min(word.end, end) - start)
        for word in words
        if word.start < end and word.end > start
    ]


class _Cursor:
    """Tells which of some spans, in order and apart from each other, a place is in; asked from left to right."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans, self._next = spans, 0

    def at(self, place: int) -> int | None:
        while self._next < len(self._spans) and self._spans[self._next][1] <= place:
            self._next += 1
        inside = self._next < len(self._spans) and self._spans[self._next][0] <= place
        return self._next if inside else None


def _parts(place: Place, units: Sequence[Span], starts: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Yield the units that a place lies in, and which part of it lies in each."""
    for start, end in place:
        at = max(0, bisect_right(starts, start) - 1)
        while at < len(units) and units[at][0] < end:
            common = min(end, units[at][1]) - max(start, units[at][0])
            if common > 0:
                yield at, common / (end - start) / len(place)
            at += 1


def _levelled(words: Sequence[Word]) -> Sequence[Word]:
    most = max((abs(word.adds) for word in words), default=0.0)
    if not 0 < most < math.inf:
        return words
    return [replace(word, level=_level(abs(word.adds) / most)) for word in words]


def _level(share: float) -> int:
    return max(1, math.ceil(LEVELS * share)) if share >= FAINTEST else 0


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
