"""The tags of a record as pages show them (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, groupby, islice
from typing import Any, Final

from scorelens_console.core.words import PART
from scorelens_reading.calculation import Calculation, Term, margin_at, read_calculation, read_terms
from scorelens_store.contract import Record

SHAPES: Final = ("topic", "sentiment", "brand", "offer")
"""Groups with a sign and a colour of their own; all others share one."""

_LOOKED_AT: Final = 40
_LEADING: Final = 12


@dataclass(frozen=True)
class Bar:
    """A term, and how long it is drawn: its size as a part of the calculation's largest."""

    term: Term
    length: float

    @property
    def speaks_for(self) -> bool:
        """Tell whether it raises the margin."""
        return self.term.contribution >= 0


@dataclass(frozen=True)
class Score:
    """One tag of a document; margin, threshold and calculation are there for whoever may see them.

    `recorded` is the calculation as it is stored, which is read when it is looked at: a listing has five hundred.
    """

    tag: str
    title: str
    group: str
    probability: float
    selected: bool
    margin: float | None = None
    threshold: float | None = None
    recorded: Mapping[str, Any] | None = field(default=None, repr=False)

    @cached_property
    def calculation(self) -> Calculation | None:
        """Return the calculation."""
        return read_calculation(self.recorded, {self.tag: self.title}) if self.recorded else None

    @property
    def shape(self) -> str:
        """Name the sign and colour of its group."""
        return self.group if self.group in SHAPES else "other"

    @cached_property
    def threshold_margin(self) -> float | None:
        """Return the margin from which on it is selected; None where that is not known."""
        if not self.recorded or self.threshold is None:
            return None
        parameters = self.recorded.get("link_parameters") or {}
        known = {name: float(value) for name, value in parameters.items() if value is not None}
        return margin_at(self.threshold, str(self.recorded.get("link") or "identity"), known)

    @property
    def missing(self) -> float | None:
        """Return what the margin lacks for the tag to be selected, below zero what it has to spare."""
        needed = self.threshold_margin
        return None if needed is None or self.margin is None else needed - self.margin

    def bars(self, most: int) -> list[Bar]:
        """Return the leading terms, the largest first, without parts of words that are among them."""
        terms = islice(read_terms(self.recorded or {}), _LOOKED_AT)
        leading = list(islice(terms, _LEADING))
        return _drawn(islice(_telling(leading, terms), most), _largest(leading))


def scores_of(record: Record) -> list[Score]:
    """Return all scores of a record, selected ones first, then by probability."""
    titles, groups = record.get("titles") or {}, record.get("groups") or {}
    margins, thresholds = record.get("margin") or {}, record.get("threshold") or {}
    chosen = set(record.get("tags") or ())
    recorded = {str(part.get("tag", "")): part for part in record.get("calculation") or ()}
    found = [
        Score(
            tag,
            titles.get(tag) or tag,
            groups.get(tag) or "tag",
            float(share),
            tag in chosen,
            margins.get(tag),
            thresholds.get(tag),
            recorded.get(tag),
        )
        for tag, share in _shares(record).items()
    ]
    return sorted(found, key=lambda score: (not score.selected, -score.probability, score.tag))


def nearest(scores: Iterable[Score], most: int = 1) -> list[Score]:
    """Return the tags that lack least to be selected: in margin, or in probability where no margin is known."""
    others = [score for score in scores if not score.selected]
    return sorted(others, key=_distance)[:most]


def by_group(scores: Iterable[Score]) -> list[tuple[str, list[Score]]]:
    """Return scores by group, in the order in which groups come first."""
    listed = list(scores)
    order = {group: place for place, group in enumerate(dict.fromkeys(score.group for score in listed))}
    grouped = groupby(sorted(listed, key=lambda score: order[score.group]), key=lambda score: score.group)
    return [(group, list(own)) for group, own in grouped]


def bars_of(terms: Sequence[Term], most: int | None = None) -> list[Bar]:
    """Return terms, which are ordered by size, with the lengths in which they are drawn."""
    return _drawn(terms[:most], _largest(terms))


def _drawn(terms: Iterable[Term], largest: float) -> list[Bar]:
    return [Bar(term, _length(term.contribution / largest)) for term in terms]


def _largest(terms: Sequence[Term]) -> float:
    sizes = (abs(term.contribution) for term in terms if math.isfinite(term.contribution))
    return next(sizes, 0.0) or 1.0


def _telling(leading: Sequence[Term], others: Iterable[Term]) -> Iterator[Term]:
    names = [term.feature for term in leading if term.feature[:1] != PART]
    words = " ".join(f"_{word}_" for name in names for word in name.lower().split())
    return (term for term in chain(leading, others) if term.feature[:1] != PART or term.feature[1:] not in words)


def _length(share: float) -> float:
    return abs(share) if math.isfinite(share) else 0.0


def _distance(score: Score) -> tuple[bool, float, float]:
    missing = score.missing
    known = missing is not None and math.isfinite(missing)
    return not known, missing if known and missing is not None else 0.0, -score.probability


def _shares(record: Record) -> Mapping[str, Any]:
    return {tag: share for tag, share in (record.get("score") or {}).items() if share is not None}
