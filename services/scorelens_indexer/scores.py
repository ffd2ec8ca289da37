"""What the model said of a span's document: tags, scores, and the calculations behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from scorelens import conventions as names
from scorelens.tag_names import is_tag_id, tag_id
from scorelens_indexer.attributes import Attributes, filled
from scorelens_indexer.calculation import (
    TOLERANCE,
    Calculation,
    adds_up,
    is_finite,
    read_calculations,
    reasons,
    write_calculation,
)
from scorelens_indexer.flags import DOES_NOT_ADD_UP, DUPLICATE_TAG, NOT_FINITE

_LARGEST: Final = 3.4e38
"""A little less than the largest number of 32 bits."""

_BY_TAG: Final = {
    "score": names.TAG_PROBABILITIES,
    "margin": names.TAG_MARGINS,
    "threshold": names.TAG_THRESHOLDS,
}


def read_scores(span: Any, attributes: Attributes, flags: set[str]) -> dict[str, Any]:
    """Return the parts of a record from `tags` to `calculation`, those that are there."""
    given = attributes.texts(names.TAG_IDS)
    tags = [tag_id(name) for name in given]
    numbers = {key: _numbers_by_tag(attributes, name, tags, key == "score") for key, name in _BY_TAG.items()}
    selected = attributes.truths(names.TAG_SELECTED)
    attributes.check_length(names.TAG_SELECTED, selected, names.TAG_IDS, len(tags))
    chosen = list(dict.fromkeys(tag for tag, is_selected in zip(tags, selected, strict=True) if is_selected))
    calculations = read_calculations(span.events)
    _mark(flags, tags, numbers, calculations)
    return {"tags": chosen} | filled(
        {
            "titles": _titles(attributes, given, tags),
            "groups": _texts_by_tag(attributes, names.TAG_GROUPS, tags),
            **{key: _indexable(by_tag) for key, by_tag in numbers.items()},
            "because": reasons(calculations, chosen),
            "calculation": [write_calculation(calculation) for calculation in calculations],
        }
    )


def _mark(
    flags: set[str],
    tags: Sequence[str],
    numbers: dict[str, dict[str, float]],
    calculations: Sequence[Calculation],
) -> None:
    if len(numbers["score"]) < len(tags):
        flags.add(DUPLICATE_TAG)
    # A tag without a calculation has NaN for margin and threshold; only its probability has to be there.
    scores_fit = all(map(_fits, numbers["score"].values()))
    margins_fit = not any(math.isfinite(margin) and not _fits(margin) for margin in numbers["margin"].values())
    if not (scores_fit and margins_fit and all(map(is_finite, calculations))):
        flags.add(NOT_FINITE)
    if not all(adds_up(calculation) and _agrees(calculation, numbers["score"]) for calculation in calculations):
        flags.add(DOES_NOT_ADD_UP)


def _agrees(calculation: Calculation, score: dict[str, float]) -> bool:
    """Tell whether a calculation ends at the probability that the caller was given."""
    given = score.get(calculation.tag, calculation.probability)
    return abs(given - calculation.probability) <= TOLERANCE


def _numbers_by_tag(attributes: Attributes, name: str, tags: Sequence[str], required: bool) -> dict[str, float]:
    numbers = attributes.numbers(name)
    if numbers or required:
        attributes.check_length(name, numbers, names.TAG_IDS, len(tags))
    return dict(zip(tags, numbers, strict=False))


def _texts_by_tag(attributes: Attributes, name: str, tags: Sequence[str]) -> dict[str, str]:
    texts = attributes.texts(name)
    if texts:
        attributes.check_length(name, texts, names.TAG_IDS, len(tags))
    return filled(dict(zip(tags, texts, strict=False)))


def _titles(attributes: Attributes, given: Sequence[str], tags: Sequence[str]) -> dict[str, str]:
    """Return titles by tag; a name that could not be the tag's id stays as its title."""
    foreign = {tag: name for name, tag in zip(given, tags, strict=True) if not is_tag_id(name)}
    return foreign | _texts_by_tag(attributes, names.TAG_TITLES, tags)


def _indexable(numbers: dict[str, float]) -> dict[str, float]:
    return {tag: number for tag, number in numbers.items() if _fits(number)}


def _fits(number: float) -> bool:
    """Tell whether the 32 bits of an index can hold a number; a NaN fits nowhere."""
    return abs(number) <= _LARGEST
