"""Why tags were selected, as words to find a record by."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from scorelens_indexer.calculation import Calculation

LEADING_TERMS: Final = 20
"""At most so many terms of one tag are reasons to find the record by, also where all terms were asked for."""

_contribution: Final = itemgetter(0)


def reasons(calculations: Iterable[Calculation], selected: Iterable[str]) -> list[str]:
    """Return `tag:feature` of the terms that raise the margins of selected tags, the largest contribution first."""
    wanted = frozenset(selected)
    found: list[tuple[float, str]] = []
    for calculation in calculations:
        if calculation.tag in wanted:
            found += _raising(calculation)
    found.sort(key=_contribution, reverse=True)
    return list(dict.fromkeys([reason for _, reason in found]))


def _raising(calculation: Calculation) -> list[tuple[float, str]]:
    pairs = zip(calculation.contributions, calculation.features, strict=True)
    raising = [(contribution, f"{calculation.tag}:{feature}") for contribution, feature in pairs if contribution > 0]
    if len(raising) > LEADING_TERMS:
        raising.sort(key=_contribution, reverse=True)
    return raising[:LEADING_TERMS]
