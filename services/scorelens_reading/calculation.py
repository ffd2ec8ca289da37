"""How the probability of one tag came about, from a stored record or from an answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scorelens.v1.scorer_pb2 import Calculation as Message
from scorelens.v1.scorer_pb2 import Explanation

SUM_TOLERANCE: Final = 1e-6
_COLUMNS: Final = ("feature", "contribution", "value", "coefficient")

_EXPLANATIONS: Final = {
    Explanation.EXPLANATION_EXACT: "exact",
    Explanation.EXPLANATION_APPROXIMATE: "approximate",
}


class Term(NamedTuple):
    """What one feature adds to the margin; value and coefficient are None for sums of others."""

    feature: str
    contribution: float
    value: float | None = None
    coefficient: float | None = None


@dataclass(frozen=True)
class Calculation:
    """One tag's calculation: the terms by size of their contribution, and what they lead to.

    `explanation` is "exact", "approximate" or "none". A number that is not finite is a NaN here.
    """

    tag: str
    title: str
    explanation: str
    intercept: float
    terms: Sequence[Term]
    remainder: float
    remainder_terms: int
    margin: float
    link: str
    link_parameters: Mapping[str, float]
    probability: float
    threshold: float
    selected: bool
    intermediates: Mapping[str, float]

    @property
    def sum(self) -> float:
        """Return what the parts add up to, here and now."""
        return total((self.intercept, self.remainder, *(term.contribution for term in self.terms)))

    @property
    def adds_up(self) -> bool:
        """Tell whether the parts add up to the margin, within rounding."""
        return abs(self.sum - self.margin) <= SUM_TOLERANCE * max(1.0, abs(self.margin))

    @property
    def linked(self) -> float | None:
        """Return the link function of the margin; None for a link that is not known here."""
        if self.link == "identity":
            return self.margin
        if self.link != "sigmoid":
            return None
        return sigmoid(self._slope * self.margin + self._offset)

    @property
    def threshold_margin(self) -> float | None:
        """Return the margin at which the probability is the threshold; None where that is not known."""
        return margin_at(self.threshold, self.link, self.link_parameters)

    def __repr__(self) -> str:
        said = f"probability={self.probability:.4f}, threshold={self.threshold:.4f}, selected={self.selected}"
        return f"Calculation({self.tag!r}, {said}, margin={self.margin:+.4f}, {len(self.terms)} terms)"

    def picture(self, terms: int = 12) -> str:
        """Return the calculation as a picture (SVG): the sum as a waterfall, then the probability and the threshold."""
        from scorelens_reading.waterfall import waterfall

        return waterfall(self, terms)

    def _repr_svg_(self) -> str:
        return self.picture()

    @property
    def _slope(self) -> float:
        return self.link_parameters.get("slope", 1.0)

    @property
    def _offset(self) -> float:
        return self.link_parameters.get("offset", 0.0)


def margin_at(probability: float, link: str, parameters: Mapping[str, float]) -> float | None:
    """Return the margin that a link turns into a probability; None where that is not known."""
    if link == "identity":
        return probability
    slope = parameters.get("slope", 1.0)
    if link != "sigmoid" or not 0 < probability < 1 or not slope:
        return None
    return (math.log(probability / (1 - probability)) - parameters.get("offset", 0.0)) / slope


def sigmoid(margin: float) -> float:
    """Return 1 / (1 + exp(-margin)), without overflow."""
    if margin >= 0:
        return 1 / (1 + math.exp(-margin))
    return math.exp(margin) / (1 + math.exp(margin))


def total(numbers: Sequence[float]) -> float:
    """Return the sum, rounded once; a NaN where it has no value or is larger than any float."""
    try:
        return math.fsum(numbers)
    except (ValueError, OverflowError):
        return math.nan


def calculations_of(record: Mapping[str, Any]) -> list[Calculation]:
    """Return the calculations of a record, the most probable tag first."""
    titles = record.get("titles") or {}
    found = [read_calculation(part, titles) for part in record.get("calculation") or ()]
    return sorted(found, key=lambda one: _by_size(one.probability))


def as_stored(one: Message) -> dict[str, Any]:
    """Return a calculation of an answer in the shape that records have."""
    return {
        "tag": one.tag,
        "explanation": _EXPLANATIONS.get(one.explanation, "none"),
        "intercept": one.intercept,
        "feature": list(one.terms.feature),
        "value": list(one.terms.value),
        "coefficient": list(one.terms.coefficient),
        "contribution": list(one.terms.contribution),
        "remainder": one.remainder,
        "remainder_terms": one.remainder_terms,
        "margin": one.margin,
        "link": one.link.name,
        "link_parameters": dict(one.link.parameters),
        "probability": one.probability,
        "threshold": one.threshold,
        "selected": one.selected,
        "intermediates": dict(one.intermediates),
    }


def read_calculation(part: Mapping[str, Any], titles: Mapping[str, str]) -> Calculation:
    """Read one calculation in the shape that records have."""
    tag = str(part.get("tag", ""))
    return Calculation(
        tag=tag,
        title=titles.get(tag) or tag,
        explanation=str(part.get("explanation", "none")),
        intercept=_number(part.get("intercept")),
        terms=tuple(read_terms(part)),
        remainder=_number(part.get("remainder")),
        remainder_terms=int(part.get("remainder_terms") or 0),
        margin=_number(part.get("margin")),
        link=str(part.get("link") or "identity"),
        link_parameters={name: _number(value) for name, value in (part.get("link_parameters") or {}).items()},
        probability=_number(part.get("probability")),
        threshold=_number(part.get("threshold")),
        selected=bool(part.get("selected")),
        intermediates={name: _number(value) for name, value in (part.get("intermediates") or {}).items()},
    )


def read_terms(part: Mapping[str, Any]) -> Iterator[Term]:
    """Yield the terms of a calculation in the shape that records have, by size, each made when it is asked for."""
    features, contributions, values, coefficients = columns = [part.get(name) or () for name in _COLUMNS]
    sizes = [math.inf if number is None or number != number else -abs(number) for number in contributions]
    for at in sorted(range(min(map(len, columns))), key=sizes.__getitem__):
        yield Term(str(features[at]), _number(contributions[at]), _number(values[at]), _number(coefficients[at]))


def _by_size(number: float) -> float:
    return math.inf if number != number else -abs(number)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
