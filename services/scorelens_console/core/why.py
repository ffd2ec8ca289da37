"""Why a document has a tag or has it not: the words, the sum and the decision, as a page tells them (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from scorelens_console.core.marked_text import marked_text
from scorelens_console.core.marking import Marks, mark, within
from scorelens_console.core.scores import Bar, Score, bars_of
from scorelens_console.core.words import Span
from scorelens_reading.calculation import Calculation, Term
from scorelens_reading.waterfall import Step, steps_of, waterfall

MOST_ROWS: Final = 1_000
"""Terms of a table; of more, a file has all."""
_PICTURED: Final = 12
_SAID: Final = 3
"""Words that the sentence names on either side."""


@dataclass(frozen=True)
class Row:
    """A line of the sum, with the term that it is of, if any, and in how many places of the text that stands."""

    step: Step
    bar: Bar | None = None
    places: int = 0


@dataclass(frozen=True)
class Why:
    """One tag's calculation beside the text: `title` and `text` are marked, words are the leading ones by sign."""

    score: Score
    title: Markup
    text: Markup
    words_for: Sequence[tuple[str, float]]
    words_against: Sequence[tuple[str, float]]
    rows: Sequence[Row]
    unplaced: Sequence[Bar]
    more: int
    picture: Markup

    @property
    def marked(self) -> bool:
        """Tell whether any word is marked."""
        return bool(self.words_for or self.words_against)

    @property
    def calculation(self) -> Calculation | None:
        """Return the calculation, None where none was recorded."""
        return self.score.calculation


def why(score: Score, title: str, text: str, found: Mapping[str, Sequence[Span]]) -> Why:
    """Explain a score beside a title and a text (or the part of one that is shown); `found` are spans of either."""
    one = score.calculation
    terms = one.terms if one else ()
    # As models read it: the title is the first line.
    begins = len(title) + 1 if title else 0
    whole = f"{title}\n{text}" if title else text
    marks = mark(whole, terms)
    up, down = _leading(whole, marks, terms)
    return Why(
        score=score,
        title=marked_text(title, within(marks.words, 0, len(title)), terms, found.get("document.title", ())),
        text=marked_text(text, within(marks.words, begins, len(whole)), terms, found.get("document.text", ())),
        words_for=up,
        words_against=down,
        rows=_rows(one, marks) if one else (),
        unplaced=[bar for number, bar in enumerate(bars_of(terms, MOST_ROWS)) if number not in marks.places],
        more=max(0, len(terms) - MOST_ROWS),
        # The picture is made here, and whatever foreign is in it was escaped as it was made.
        picture=Markup(waterfall(one, _PICTURED)) if one else Markup(""),  # noqa: S704
    )


def choose(scores: Iterable[Score], wanted: str) -> Score | None:
    """Return the score to explain: of the tag that is wanted, else the first that has a calculation."""
    listed = list(scores)
    named = next((score for score in listed if score.tag == wanted), None)
    return named or next((score for score in listed if score.calculation), listed[0] if listed else None)


def _rows(one: Calculation, marks: Marks) -> list[Row]:
    steps = list(steps_of(one, min(len(one.terms), MOST_ROWS)))
    first = 1 if one.terms else 0  # after the intercept
    bars = bars_of(one.terms, MOST_ROWS)
    rows = []
    for number, step in enumerate(steps):
        at = number - first
        own = bars[at] if 0 <= at < len(bars) else None
        rows.append(Row(step, own, marks.places.get(at, 0) if own else 0))
    return rows


def _leading(text: str, marks: Marks, terms: Sequence[Term]) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Return the words, or where none is marked the terms, that add most on either side, each once."""
    adds: dict[str, tuple[str, float]] = {}
    for word in marks.words:
        if not word.level:
            continue
        written = text[word.start : word.end]
        named, so_far = adds.get(written.casefold(), (written, 0.0))
        adds[written.casefold()] = named, so_far + word.adds
    listed = list(adds.values()) or [(term.feature, term.contribution) for term in terms]
    up = sorted((pair for pair in listed if pair[1] > 0), key=lambda pair: -pair[1])
    down = sorted((pair for pair in listed if pair[1] < 0), key=lambda pair: pair[1])
    return up[:_SAID], down[:_SAID]
