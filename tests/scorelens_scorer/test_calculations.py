"""Calculations out of coefficients and contributions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from scorelens_scorer.calculations import additive, leading, linear, sigmoid
from scorelens_scorer.model import ALL_TERMS, Explanation, Scoring

SMALL = st.floats(-50, 50, allow_subnormal=False)


def sums(scoring: Scoring) -> Any:
    """Return intercept plus terms plus remainder, (documents, tags)."""
    made = scoring.calculations
    assert made is not None
    assert made.starts is not None
    assert made.remainders is not None
    cells = [made.contributions[a:b].sum() for a, b in zip(made.starts, made.starts[1:], strict=False)]
    return made.intercepts + np.array(cells).reshape(made.margins.shape) + made.remainders


@given(st.data(), st.integers(0, 5), st.integers(1, 12), st.integers(1, 4), st.sampled_from([1, 3, ALL_TERMS]))
def test_linear_calculations_add_up(data: st.DataObject, documents: int, width: int, tags: int, terms: int) -> None:
    """Intercept, terms and remainder give the margin, and the sigmoid of it the probability, for any matrix."""
    dense = data.draw(arrays.arrays(float, (documents, width), elements=SMALL))
    weights = data.draw(arrays.arrays(float, (width, tags), elements=SMALL))
    start = data.draw(arrays.arrays(float, (tags,), elements=SMALL))
    names = np.array([f"f{place}" for place in range(width)], dtype=object)
    scoring = linear(sparse.csr_matrix(dense), weights, start, names, terms)
    made = scoring.calculations
    assert made is not None
    assert made.starts is not None
    assert made.remainder_terms is not None
    np.testing.assert_allclose(made.margins, dense @ weights + start, atol=1e-6)
    np.testing.assert_allclose(sums(scoring), made.margins, atol=1e-6)
    np.testing.assert_allclose(sigmoid(made.margins), np.asarray(scoring.probabilities), atol=1e-12)
    counts = np.diff(made.starts).reshape(made.margins.shape) + made.remainder_terms
    assert (counts == (dense != 0).sum(axis=1)[:, None]).all()


@given(st.integers(1, 40), st.integers(1, 45), st.integers(0, 2**32 - 1))
def test_leading_terms_are_the_largest_by_size(count: int, terms: int, seed: int) -> None:
    """The chosen terms are those that a full sort would give, the largest first."""
    contributions = np.random.default_rng(seed).normal(size=(3, count))
    chosen = np.take_along_axis(contributions, leading(contributions, terms), 1)
    expected = -np.sort(-np.abs(contributions), axis=1)[:, :terms]
    np.testing.assert_allclose(np.abs(chosen), expected)


def test_terms_say_feature_value_coefficient_and_contribution() -> None:
    """A term's contribution is its value times its coefficient, under the feature's name."""
    weights, names = np.array([[2.0], [-3.0], [9.0]]), np.array(["a", "b", "c"], dtype=object)
    made = linear(sparse.csr_matrix([[1.0, 4.0, 0.0]]), weights, np.array([0.5]), names, 1).calculations
    assert made is not None
    assert made.remainders is not None
    assert made.names() == ["b"]
    assert (made.values[0], made.coefficients[0], made.contributions[0]) == (4.0, -3.0, -12.0)
    assert (made.margins[0, 0], made.remainders[0, 0]) == (-9.5, 2.0)


def test_nothing_is_calculated_that_nobody_asked_for() -> None:
    """Zero terms give probabilities alone."""
    assert linear(sparse.csr_matrix([[1.0]]), np.ones((1, 1)), np.zeros(1), np.array(["a"]), 0).calculations is None
    assert additive([[0.5]], [[[0.1]]], ["a"], 0).calculations is None


def test_contributions_from_elsewhere_can_be_exact() -> None:
    """Contributions that add up to margins are served as exact, remainder included."""
    added = np.array([[[1.0, -2.0, 0.0, 0.5]]])
    scoring = additive(
        sigmoid(np.array([[-0.25]])),
        added,
        ["a", "b", "c", "d"],
        2,
        values=[[1, 2, 3, 4]],
        intercepts=[0.25],
        margins=[[-0.25]],
        explanation=Explanation.EXACT,
        link="sigmoid",
    )
    np.testing.assert_allclose(sums(scoring), [[-0.25]])
    assert scoring.calculations is not None
    assert scoring.calculations.names() == ["b", "a"]
    assert list(scoring.calculations.values) == [2.0, 1.0]


@pytest.mark.parametrize(("margin", "chance"), [(0.0, 0.5), (-1e4, 0.0), (1e4, 1.0), (-745.0, 0.0)])
def test_the_sigmoid_does_not_overflow(margin: float, chance: float) -> None:
    """Margins of any size give a probability without a warning."""
    assert sigmoid(np.array([margin]))[0] == pytest.approx(chance)
