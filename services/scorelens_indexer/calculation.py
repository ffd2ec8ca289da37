"""One calculation: read from its span event, checked, and written as the record keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from scorelens import conventions as names
from scorelens.tag_names import is_tag_id, tag_id
from scorelens_indexer.attributes import Attributes
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.event_bytes import read_attributes
from scorelens_indexer.otlp import parse_event

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


_WRITTEN: Final = (
    "tag",
    "explanation",
    "intercept",
    "feature",
    "value",
    "coefficient",
    "contribution",
    "remainder",
    "remainder_terms",
    "margin",
    "link",
    "link_parameters",
    "probability",
    "threshold",
    "selected",
    "intermediates",
)
"""Names of the fields of a calculation in a record, in their order."""

_TYPES: Final = (str, str, float, list, list, list, list, float, int, float, str, dict, float, float, bool, dict)
"""Types of the fields of a calculation whose event needs no second look."""

_COLUMNS: Final = slice(3, 7)
_TERM_TYPES: Final = (str, float, float, float)
"""Where the lists of terms are, and the types of what is in them."""


def read_calculations(events: Iterable[bytes]) -> list[Calculation]:
    """Read those of a span's events that are calculations.

    Raises PermanentError that names the tag and the attribute at fault.
    """
    found = (_read_usual(event) or _read_any(event) for event in events)
    return [calculation for calculation in found if calculation is not None]


def _read_usual(event: bytes) -> Calculation | None:
    """Read an event whose attributes all have the types that the sidecar gives them; None for any other."""
    found: Any = read_attributes(event, names.CALCULATION_EVENT)
    if found is None:
        return None
    get = found.get
    calculation = Calculation(
        get(names.CALCULATION_TAG),
        get(names.EXPLANATION),
        get(names.INTERCEPT, 0.0),
        get(names.TERM_FEATURES, []),
        get(names.TERM_VALUES, []),
        get(names.TERM_COEFFICIENTS, []),
        get(names.TERM_CONTRIBUTIONS, []),
        get(names.REMAINDER, 0.0),
        get(names.REMAINDER_TERMS, 0),
        get(names.MARGIN),
        get(names.LINK),
        _paired(get(names.LINK_PARAMETER_KEYS, []), get(names.LINK_PARAMETER_VALUES, [])),
        get(names.PROBABILITY),
        get(names.THRESHOLD),
        get(names.SELECTED),
        _paired(get(names.INTERMEDIATE_KEYS, []), get(names.INTERMEDIATE_VALUES, [])),
    )
    return calculation if _is_usual(calculation) else None


def _paired(keys: Any, values: Any) -> Any:
    """Return a map of names to numbers; None where they are no such lists."""
    if not keys and not values:
        return {}
    usual = _is_list(keys, str) and _is_list(values, float) and len(keys) == len(values)
    return dict(zip(keys, values, strict=True)) if usual else None


def _is_usual(calculation: Calculation) -> bool:
    if tuple(map(type, calculation)) != _TYPES:
        return False
    terms: Any = calculation[_COLUMNS]
    features, *columns = terms
    return (
        is_tag_id(calculation.tag)
        and calculation.explanation in _EXPLANATIONS
        and len(features) == len(columns[0]) == len(columns[1]) == len(columns[2])
        and (not features or tuple(type(column[0]) for column in (features, *columns)) == _TERM_TYPES)
    )


def _is_list(values: Any, kind: type) -> bool:
    """Tell whether a list of one type is of this one."""
    return type(values) is list and (not values or type(values[0]) is kind)


def _read_any(data: bytes) -> Calculation | None:
    """Read an event of any shape; None for one that is no calculation."""
    event = parse_event(data)
    if event.name != names.CALCULATION_EVENT:
        return None
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
    written = dict(zip(_WRITTEN, calculation, strict=True))
    if not is_finite(calculation):
        written |= {name: _finite(part) for name, part in written.items()}
    return written


def _finite(part: Any) -> Any:
    match part:
        case float():
            return finite(part)
        case dict():
            return finite_map(part)
        case [float(), *_]:
            return finite_list(part)
    return part


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
