"""What the model said of a span's document: tags, scores, and the calculations behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress
from typing import Any, Final

from scorelens import conventions as names
from scorelens.tag_names import is_tag_id, tag_id
from scorelens_indexer.attributes import Attributes, filled
from scorelens_indexer.calculation import Calculation, write_calculations
from scorelens_indexer.calculation_events import read_calculations
from scorelens_indexer.checks import TOLERANCE, adds_up, is_finite
from scorelens_indexer.flags import DOES_NOT_ADD_UP, DUPLICATE_TAG, NOT_FINITE
from scorelens_indexer.reasons import reasons
from scorelens_indexer.remembering import Texts, remembered

_LARGEST: Final = 3.4e38
"""A little less than the largest number of 32 bits."""

_BY_TAG: Final = {
    "score": names.TAG_PROBABILITIES,
    "margin": names.TAG_MARGINS,
    "threshold": names.TAG_THRESHOLDS,
}


def read_scores(span: Any, attributes: Attributes, flags: set[str]) -> dict[str, Any]:
    """Return the parts of a record from `tags` to `calculation`, those that are there.

    Records of one model share titles and groups, so nobody may change them.
    """
    given = tuple(attributes.texts(names.TAG_IDS))
    tags = _tag_ids(given, ())
    numbers = {key: _numbers_by_tag(attributes, name, tags, key == "score") for key, name in _BY_TAG.items()}
    selected = attributes.truths(names.TAG_SELECTED)
    attributes.check_length(names.TAG_SELECTED, selected, names.TAG_IDS, len(tags))
    chosen = list(dict.fromkeys(compress(tags, selected)))
    calculations = read_calculations(span.events)
    _mark(flags, tags, numbers, calculations)
    scores: dict[str, Any] = {"tags": chosen} | filled(
        {
            "titles": _titles(given, _texts(attributes, names.TAG_TITLES, given)),
            "groups": _groups(tags, _texts(attributes, names.TAG_GROUPS, given)),
            **{key: _indexable(by_tag) for key, by_tag in numbers.items()},
            "because": reasons(calculations, chosen),
        }
    )
    return scores | {"calculation": write_calculations(calculations)} if calculations else scores


def _mark(
    flags: set[str],
    tags: Sequence[str],
    numbers: dict[str, dict[str, float]],
    calculations: Sequence[Calculation],
) -> None:
    score, margin = numbers["score"], numbers["margin"]
    if len(score) < len(tags):
        flags.add(DUPLICATE_TAG)
    # A tag without a calculation has NaN for margin and threshold; only its probability has to be there.
    margins_fit = _all_fit(margin) or not any(math.isfinite(one) and not _fits(one) for one in margin.values())
    if not (_all_fit(score) and margins_fit and all(map(is_finite, calculations))):
        flags.add(NOT_FINITE)
    if not all(adds_up(calculation) and _agrees(calculation, score) for calculation in calculations):
        flags.add(DOES_NOT_ADD_UP)


def _agrees(calculation: Calculation, score: dict[str, float]) -> bool:
    """Tell whether a calculation ends at the probability that the caller was given."""
    given = score.get(calculation.tag, calculation.probability)
    return abs(given - calculation.probability) <= TOLERANCE


def _numbers_by_tag(attributes: Attributes, name: str, tags: Texts, required: bool) -> dict[str, float]:
    numbers = attributes.numbers(name)
    if numbers or required:
        attributes.check_length(name, numbers, names.TAG_IDS, len(tags))
    return dict(zip(tags, numbers, strict=False))


def _texts(attributes: Attributes, name: str, tags: Texts) -> Texts:
    texts = tuple(attributes.texts(name))
    if texts:
        attributes.check_length(name, texts, names.TAG_IDS, len(tags))
    return texts


@remembered
def _tag_ids(given: Texts, _: Texts) -> Texts:
    return tuple(map(tag_id, given))


@remembered
def _groups(tags: Texts, groups: Texts) -> dict[str, str]:
    return filled(dict(zip(tags, groups, strict=False)))


@remembered
def _titles(given: Texts, titles: Texts) -> dict[str, str]:
    """Return titles by tag; a name that could not be the tag's id stays as its title."""
    tags = _tag_ids(given, ())
    foreign = {tag: name for name, tag in zip(given, tags, strict=True) if not is_tag_id(name)}
    return foreign | filled(dict(zip(tags, titles, strict=False)))


def _indexable(numbers: dict[str, float]) -> dict[str, float]:
    return numbers if _all_fit(numbers) else {tag: number for tag, number in numbers.items() if _fits(number)}


def _all_fit(numbers: dict[str, float]) -> bool:
    """Tell whether the 32 bits of an index can hold all numbers."""
    found = numbers.values()
    return not numbers or (math.isfinite(sum(found, 0.0)) and max(map(abs, found)) <= _LARGEST)


def _fits(number: float) -> bool:
    """Tell whether the 32 bits of an index can hold a number; a NaN fits nowhere."""
    return abs(number) <= _LARGEST
