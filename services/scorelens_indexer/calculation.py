"""One calculation: read from its span event, checked, and written as the record keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from scorelens import conventions as names
from scorelens.tag_names import tag_id
from scorelens_indexer.attributes import Attributes
from scorelens_indexer.errors import PermanentError

TOLERANCE: Final = 1e-6
"""How far a sum may be off, relative to its largest part where that is above 1; probabilities absolutely."""

LEADING_TERMS: Final = 20
"""At most so many terms of one tag are reasons to find the record by, also where all terms were asked for."""

_EXPLANATIONS: Final = ("exact", "approximate", "none")


class Calculation(NamedTuple):
    """How the probability of one tag came about; numbers as they came, the lists of terms of one length."""

    tag: str
    explanation: str
    intercept: float
    features: list[str]
    values: list[float]
    coefficients: list[float]
    contributions: list[float]
    remainder: float
    remainder_terms: int
    margin: float
    link: str
    link_parameters: dict[str, float]
    probability: float
    threshold: float
    selected: bool
    intermediates: dict[str, float]


def read_calculation(event: Any) -> Calculation:
    """Read a span event. Raises PermanentError that names the tag and the attribute at fault."""
    attributes = Attributes(event.attributes, "calculation: ")
    tag = tag_id(attributes.text(names.CALCULATION_TAG))
    attributes.at(f"calculation of {tag!r}: ")
    explanation = attributes.text(names.EXPLANATION)
    if explanation not in _EXPLANATIONS:
        raise PermanentError(
            f"calculation of {tag!r}: {names.EXPLANATION} is {explanation!r}, not one of exact, approximate, none"
        )
    features = attributes.texts(names.TERM_FEATURES)
    return Calculation(
        tag=tag,
        explanation=explanation,
        intercept=attributes.number(names.INTERCEPT, 0.0),
        features=features,
        values=_terms(attributes, names.TERM_VALUES, features),
        coefficients=_terms(attributes, names.TERM_COEFFICIENTS, features),
        contributions=_terms(attributes, names.TERM_CONTRIBUTIONS, features),
        remainder=attributes.number(names.REMAINDER, 0.0),
        remainder_terms=attributes.integer(names.REMAINDER_TERMS, 0),
        margin=attributes.number(names.MARGIN),
        link=attributes.text(names.LINK),
        link_parameters=_named(attributes, names.LINK_PARAMETER_KEYS, names.LINK_PARAMETER_VALUES),
        probability=attributes.number(names.PROBABILITY),
        threshold=attributes.number(names.THRESHOLD),
        selected=attributes.truth(names.SELECTED),
        intermediates=_named(attributes, names.INTERMEDIATE_KEYS, names.INTERMEDIATE_VALUES),
    )


def adds_up(calculation: Calculation) -> bool:
    """Check an exact calculation: its sum is its margin, its link gives its probability, its threshold decides.

    Of any other kind only the threshold is checked. A NaN anywhere does not add up.
    """
    if calculation.selected != (calculation.probability >= calculation.threshold):
        return False
    if calculation.explanation != "exact":
        return True
    return _sum_holds(calculation) and _link_holds(calculation)


def write_calculation(calculation: Calculation) -> dict[str, Any]:
    """Return the calculation as JSON keeps it: NaN and infinities are null."""
    return {
        "tag": calculation.tag,
        "explanation": calculation.explanation,
        "intercept": finite(calculation.intercept),
        "feature": calculation.features,
        "value": finite_list(calculation.values),
        "coefficient": finite_list(calculation.coefficients),
        "contribution": finite_list(calculation.contributions),
        "remainder": finite(calculation.remainder),
        "remainder_terms": calculation.remainder_terms,
        "margin": finite(calculation.margin),
        "link": calculation.link,
        "link_parameters": finite_map(calculation.link_parameters),
        "probability": finite(calculation.probability),
        "threshold": finite(calculation.threshold),
        "selected": calculation.selected,
        "intermediates": finite_map(calculation.intermediates),
    }


def is_finite(calculation: Calculation) -> bool:
    """Tell whether every number of a calculation is one that JSON can hold."""
    total = (
        calculation.intercept
        + calculation.remainder
        + calculation.margin
        + calculation.probability
        + calculation.threshold
        + sum(calculation.values)
        + sum(calculation.coefficients)
        + sum(calculation.contributions)
        + sum(calculation.link_parameters.values())
        + sum(calculation.intermediates.values())
    )
    return math.isfinite(total) or all(map(math.isfinite, _numbers(calculation)))


def reasons(calculations: Iterable[Calculation], selected: Iterable[str]) -> list[str]:
    """Return `tag:feature` of the terms that raise the margins of selected tags, the largest contribution first."""
    wanted = frozenset(selected)
    found: list[tuple[float, str]] = []
    for calculation in calculations:
        if calculation.tag in wanted:
            found += _raising(calculation)
    found.sort(key=_contribution, reverse=True)
    return list(dict.fromkeys(reason for _, reason in found))


def finite(number: float) -> float | None:
    """Return a number, or None for one that JSON cannot hold."""
    return number if math.isfinite(number) else None


def finite_list(numbers: list[float]) -> Sequence[float | None]:
    """Return numbers with None for those that JSON cannot hold."""
    return numbers if math.isfinite(sum(numbers)) else [finite(number) for number in numbers]


def finite_map(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """Return numbers by name with None for those that JSON cannot hold."""
    return {name: finite(number) for name, number in numbers.items()}


def _terms(attributes: Attributes, name: str, features: list[str]) -> list[float]:
    numbers = attributes.numbers(name)
    attributes.check_length(name, numbers, names.TERM_FEATURES, len(features))
    return numbers


def _named(attributes: Attributes, keys_name: str, values_name: str) -> dict[str, float]:
    if keys_name not in attributes and values_name not in attributes:
        return {}
    keys, values = attributes.texts(keys_name), attributes.numbers(values_name)
    attributes.check_length(values_name, values, keys_name, len(keys))
    return dict(zip(keys, values, strict=True))


def _sum_holds(calculation: Calculation) -> bool:
    parts = calculation.contributions
    error = abs(calculation.intercept + sum(parts) + calculation.remainder - calculation.margin)
    if error <= TOLERANCE:
        return True
    if not math.isfinite(error):
        return False
    # Large parts that cancel each other leave their rounding behind, so the tolerance goes by the largest.
    largest = max(map(abs, (calculation.intercept, calculation.remainder, calculation.margin, *parts)))
    return error <= TOLERANCE * largest


def _link_holds(calculation: Calculation) -> bool:
    expected = _linked(calculation)
    return expected is None or abs(expected - calculation.probability) <= TOLERANCE


def _linked(calculation: Calculation) -> float | None:
    """Return what the link makes of the margin, or None for a link that only the model knows."""
    if calculation.link == "identity":
        return calculation.margin
    if calculation.link != "sigmoid":
        return None
    parameters = calculation.link_parameters
    return sigmoid(parameters.get("slope", 1.0) * calculation.margin + parameters.get("offset", 0.0))


def sigmoid(number: float) -> float:
    """Return 1 / (1 + exp(-number)) without overflow."""
    if number >= 0:
        return 1.0 / (1.0 + math.exp(-number))
    power = math.exp(number)
    return power / (1.0 + power)


def _raising(calculation: Calculation) -> list[tuple[float, str]]:
    pairs = zip(calculation.contributions, calculation.features, strict=True)
    raising = [(contribution, f"{calculation.tag}:{feature}") for contribution, feature in pairs if contribution > 0]
    if len(raising) > LEADING_TERMS:
        raising.sort(key=_contribution, reverse=True)
    return raising[:LEADING_TERMS]


def _contribution(reason: tuple[float, str]) -> float:
    return reason[0]


def _numbers(calculation: Calculation) -> Iterable[float]:
    yield from (calculation.intercept, calculation.remainder, calculation.margin)
    yield from (calculation.probability, calculation.threshold)
    for numbers in (calculation.values, calculation.coefficients, calculation.contributions):
        yield from numbers
    yield from calculation.link_parameters.values()
    yield from calculation.intermediates.values()
