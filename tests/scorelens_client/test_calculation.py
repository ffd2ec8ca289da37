"""Calculations as a person reads them."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from scorelens_client.calculation import bar, table
from scorelens_reading.calculation import calculations_of, sigmoid

RECORD: dict[str, Any] = {
    "titles": {"complaint": "Complaint"},
    "calculation": [
        {
            "tag": "complaint",
            "explanation": "exact",
            "intercept": -2.1,
            "feature": ["still no", "refund", "\x1b[2Jthanks"],
            "value": [0.22, 0.41, 0.1],
            "coefficient": [5.1, 7.9, -3.0],
            "contribution": [1.122, 3.239, -0.3],
            "remainder": 0.05,
            "remainder_terms": 61,
            "margin": 2.011,
            "link": "sigmoid",
            "link_parameters": {},
            "probability": sigmoid(2.011),
            "threshold": 0.5,
            "selected": True,
            "intermediates": {},
        }
    ],
}


def shown(change: dict[str, Any] | None = None, width: int = 100, most: int | None = None) -> str:
    """Return the calculation as it is printed."""
    record = RECORD | {"calculation": [RECORD["calculation"][0] | (change or {})]}
    console = Console(file=io.StringIO(), width=width)
    console.print(table(calculations_of(record)[0], width, most))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_calculation_is_a_sum_down_to_the_decision(width: int) -> None:
    """Terms stand in order of their size, then the remainder, the sum, the probability and the threshold."""
    lines = shown(width=width)
    places = [
        lines.index(part)
        for part in (
            "(intercept)",
            "refund",
            "still no",
            "thanks",
            "61 more terms",
            "sum = margin",
            "sigmoid(",
            "≥ threshold",
        )
    ]
    assert places == sorted(places)
    assert "+2.0110" in lines
    assert max(map(len, lines.splitlines())) <= width


def test_terms_that_are_not_shown_are_part_of_the_remainder() -> None:
    """The sum stays right when only the leading terms are shown."""
    lines = shown(most=1)
    assert "63 more terms" in lines
    assert f"{0.05 + 1.122 - 0.3:+.4f}" in lines
    assert "sum = margin" in lines


def test_a_sum_that_does_not_add_up_is_said() -> None:
    """A wrong calculation is shown as wrong, not hidden."""
    assert "does not add up" in shown({"margin": 2.5, "probability": sigmoid(2.5)})
    assert "sigmoid of the margin is 0.8819" in shown({"probability": 0.2})


def test_a_link_of_the_models_own_is_named() -> None:
    """A link that is not known here is shown by name, and nothing is claimed of it."""
    assert "softmax(" in shown({"link": "softmax"})


def test_text_of_documents_cannot_steer_the_terminal() -> None:
    """Control characters in a feature are replaced."""
    assert "\x1b" not in shown()


def test_a_calibrated_sigmoid_shows_its_parameters() -> None:
    """Slope and offset of a calibrated link are part of what is shown."""
    assert "1.5 × +2.0110 - 0.2" in shown(
        {"link_parameters": {"slope": 1.5, "offset": -0.2}, "probability": sigmoid(1.5 * 2.011 - 0.2)}
    )


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.3, -0.3, 5.0, -5.0, math.nan, math.inf])
def test_bars_have_one_width(value: float) -> None:
    """A bar never disturbs the columns beside it."""
    assert len(bar(value, 5.0).plain) == len(bar(1.0, 5.0).plain)


def test_terms_that_are_approximate_say_so_and_have_no_coefficients() -> None:
    """A sum that misses the margin is no fault there, and a column of zeros tells nothing."""
    lines = shown({"explanation": "approximate", "intercept": -2.0, "coefficient": [0.0, 0.0, 0.0]})
    assert "the margin is +2.0110: these terms explain it, but not exactly" in lines
    assert "sum = margin" not in lines
    assert "does not add up" not in lines
    refund = next(line for line in lines.splitlines() if "refund" in line)
    assert refund.split()[:3] == ["refund", "0.41", "+3.2390"]
