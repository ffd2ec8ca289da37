"""Whether a calculation says what it promises: its parts are its margin, its link gives its probability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from scorelens_indexer.calculation import Calculation

TOLERANCE: Final = 1e-6
"""How far a sum may be off, relative to its largest part where that is above 1; probabilities absolutely."""


def adds_up(calculation: Calculation) -> bool:
    """Check an exact calculation: its sum is its margin, its link gives its probability, its threshold decides.

    Of any other kind only the threshold is checked. A NaN anywhere does not add up.
    """
    if calculation.selected != (calculation.probability >= calculation.threshold):
        return False
    if calculation.explanation != "exact":
        return True
    return _sum_holds(calculation) and _link_holds(calculation)


def is_finite(calculation: Calculation) -> bool:
    """Tell whether every number of a calculation is one that JSON can hold."""
    total = (
        calculation.intercept
        + calculation.remainder
        + calculation.margin
        + calculation.probability
        + calculation.threshold
        + sum(calculation.values, 0.0)
        + sum(calculation.coefficients, 0.0)
        + sum(calculation.contributions, 0.0)
    )
    if calculation.link_parameters or calculation.intermediates:
        total += sum(calculation.link_parameters.values(), 0.0) + sum(calculation.intermediates.values(), 0.0)
    return math.isfinite(total) or all(map(math.isfinite, _numbers(calculation)))


def finite_list(numbers: Sequence[float]) -> Sequence[float | None]:
    """Return numbers with None for those that JSON cannot hold."""
    if math.isfinite(sum(numbers, 0.0)):
        return numbers
    return [number if math.isfinite(number) else None for number in numbers]


def sigmoid(number: float) -> float:
    """Return 1 / (1 + exp(-number)) without overflow."""
    if number >= 0:
        return 1.0 / (1.0 + math.exp(-number))
    power = math.exp(number)
    return power / (1.0 + power)


def _sum_holds(calculation: Calculation) -> bool:
    parts = calculation.contributions
    error = abs(calculation.intercept + sum(parts, 0.0) + calculation.remainder - calculation.margin)
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
    if not parameters:
        return sigmoid(calculation.margin)
    return sigmoid(parameters.get("slope", 1.0) * calculation.margin + parameters.get("offset", 0.0))


def _numbers(calculation: Calculation) -> Sequence[float]:
    return (
        calculation.intercept,
        calculation.remainder,
        calculation.margin,
        calculation.probability,
        calculation.threshold,
        *calculation.values,
        *calculation.coefficients,
        *calculation.contributions,
        *calculation.link_parameters.values(),
        *calculation.intermediates.values(),
    )
