"""A text with its marked words, as HTML whose text is the text itself (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

from scorelens_console.core.marking import Piece, Word, pieces
from scorelens_console.core.wording import signed
from scorelens_console.core.words import Span
from scorelens_reading.calculation import Term
from scorelens_reading.markup import readable, shown

_TOLD: Final = 6
"""Terms that a word tells of; the table has all of them."""


def marked_text(text: str, words: Sequence[Word], terms: Sequence[Term], found: Iterable[Span] = ()) -> Markup:
    """Mark the words that carry terms, by strength and direction, and what was searched for.

    A word tells what it adds, and which terms stand in it, in its title: scripts show that to keyboards and fingers.
    """
    parts: list[Markup] = []
    for word, own in groupby(pieces(shown(text), words, found), key=lambda piece: piece.word):
        inside = Markup("").join(map(_searched, own))
        parts.append(_word(word, inside, terms) if word and word.level else inside)
    return Markup("").join(parts)


def told(word: Word, terms: Sequence[Term]) -> str:
    """Say what a word adds, and which terms stand in it, a line each."""
    return "\n".join(_lines(word, terms))


def _searched(piece: Piece) -> Markup:
    return Markup("<mark>{}</mark>").format(piece.text) if piece.found else escape(piece.text)


def _word(word: Word, inside: Markup, terms: Sequence[Term]) -> Markup:
    way = "for" if word.speaks_for else "against"
    return Markup('<span class="w {} s{}" tabindex="-1" title="{}">{}</span>').format(
        way, word.level, told(word, terms), inside
    )


def _lines(word: Word, terms: Sequence[Term]) -> Iterator[str]:
    yield f"adds {signed(word.adds)}"
    numbers = sorted(word.terms, key=lambda number: -abs(word.terms[number]))
    for number in numbers[:_TOLD]:
        term = terms[number]
        whole = term.contribution
        shared = "" if abs(word.terms[number] - whole) <= 1e-9 * abs(whole) else f" of {signed(whole)}"
        yield f"{readable(term.feature)}\t{signed(word.terms[number])}{shared}{_factors(term)}"
    if len(numbers) > _TOLD:
        yield f"{len(numbers) - _TOLD} more terms"


def _factors(term: Term) -> str:
    if term.value is None or term.value != term.value:
        return ""
    if not term.coefficient or term.coefficient != term.coefficient:
        return f" (value {term.value:.3g})".replace("-", "−")
    return f" ({term.value:.3g} × {term.coefficient:.3g})".replace("-", "−")
