"""The calculations among the events of a span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scorelens import conventions as names
from scorelens.tag_names import tag_id
from scorelens_indexer.attributes import Attributes
from scorelens_indexer.calculation import EXPLANATIONS, Calculation
from scorelens_indexer.calculation_bytes import read_calculation
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.message_values import value_of
from scorelens_indexer.otlp import parse_event


def read_calculations(events: Iterable[bytes]) -> list[Calculation]:
    """Read those of a span's events that are calculations.

    Raises PermanentError that names the tag and the attribute at fault.
    """
    found = [read_calculation(event) or read_message(event) for event in events]
    return [calculation for calculation in found if calculation is not None]


def read_message(data: bytes) -> Calculation | None:
    """Read an event of any shape; None for one that is no calculation."""
    event = parse_event(data)
    if event.name != names.CALCULATION_EVENT:
        return None
    attributes = Attributes({pair.key: value_of(pair.value) for pair in event.attributes}, "calculation: ")
    tag = tag_id(attributes.text(names.CALCULATION_TAG))
    attributes.at(f"calculation of {tag!r}: ")
    explanation = attributes.text(names.EXPLANATION)
    if explanation not in EXPLANATIONS:
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


def _terms(attributes: Attributes, name: str, features: Sequence[str]) -> Sequence[float]:
    numbers = attributes.numbers(name)
    attributes.check_length(name, numbers, names.TERM_FEATURES, len(features))
    return numbers


def _named(attributes: Attributes, keys_name: str, values_name: str) -> dict[str, float]:
    if keys_name not in attributes and values_name not in attributes:
        return {}
    keys, values = attributes.texts(keys_name), attributes.numbers(values_name)
    attributes.check_length(values_name, values, keys_name, len(keys))
    return dict(zip(keys, values, strict=True))
