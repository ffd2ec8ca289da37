"""Figures of models, held against slower ways to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, f1_score, precision_score, recall_score

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.commands.train_report import bar, steps
from scorelens_scorer.tags import Tag
from scorelens_scorer.training.examples import Examples
from scorelens_scorer.training.own.measuring import Bin, calibration_error, curves, measure, one_of_many, wilson

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=60).filter(
    lambda pairs: 0 < sum(has for _, has in pairs) < len(pairs)
)


def examples(truth: list[list[str]]) -> Examples:
    """Return documents that have tags and say nothing."""
    return Examples([Document()] * len(truth), [frozenset(tags) for tags in truth])


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.floats(0, 1))
def test_figures_are_those_of_scikit_learn(pairs: list[tuple[float, bool]], threshold: float) -> None:
    """Precision, recall, F1 and Brier score agree with the library's, and intervals hold their figures."""
    chances, truth = np.array([chance for chance, _ in pairs]), np.array([has for _, has in pairs])
    said = chances >= threshold
    made = measure(
        chances[:, None], [Tag("a", threshold=threshold)], examples([["a"] if has else [] for has in truth])
    )["a"]
    assert made.recall == pytest.approx(recall_score(truth, said))
    assert made.f1 == pytest.approx(f1_score(truth, said, zero_division=0.0))
    assert made.brier == pytest.approx(brier_score_loss(truth, chances))
    assert made.precision is None if not said.any() else made.precision == pytest.approx(precision_score(truth, said))
    for figure, (low, high) in ((made.precision, made.precision_interval), (made.recall, made.recall_interval)):
        assert 0 <= low <= high <= 1
        assert figure is None or low - 1e-9 <= figure <= high + 1e-9
    assert made.accuracy == pytest.approx((said == truth).mean())
    assert sum(one.count for one in made.bins) == len(truth)


def test_curves_are_precision_and_recall_at_each_threshold() -> None:
    """Each point of the curves is what selecting from that threshold gives."""
    rng = np.random.default_rng(3)
    chances, truth = rng.uniform(size=200), rng.uniform(size=200) < 0.3
    for threshold, precision, recall in zip(*curves(chances, truth, 20), strict=True):
        said = chances >= threshold
        assert recall == pytest.approx((said & truth).sum() / truth.sum())
        assert (np.isnan(precision) and not said.any()) or precision == pytest.approx((said & truth).sum() / said.sum())


def test_probabilities_that_hold_have_no_calibration_error() -> None:
    """Drawing truth by the probabilities gives an error near zero; doubling them does not."""
    rng = np.random.default_rng(5)
    chances = rng.uniform(size=50_000) / 2
    truth = rng.uniform(size=50_000) < chances
    assert calibration_error(chances, truth) < 0.01
    assert calibration_error(2 * chances, truth) > 0.2


def test_intervals_of_proportions() -> None:
    """Wilson's interval of 8 in 10 is the one of the textbooks; nothing counted says nothing."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_likeliest_tag_is_compared_with_the_most_frequent() -> None:
    """Only where each document has exactly one tag."""
    tags = [Tag("a"), Tag("b")]
    chances = np.array([[0.9, 0.2], [0.4, 0.3], [0.1, 0.2], [0.6, 0.5]])
    found = one_of_many(chances, tags, examples([["a"], ["a"], ["b"], ["b"]]))
    assert found is not None
    assert (found.right, found.majority, found.count) == (0.75, 0.5, 4)
    assert one_of_many(chances, tags, examples([["a"], ["a", "b"], ["b"], ["b"]])) is None
    assert one_of_many(chances, tags, examples([["a"], [], ["b"], ["b"]])) is None


@given(st.floats(0, 1))
def test_bars_are_as_long_as_their_value(value: float) -> None:
    """A bar fills its width with eighths of a block."""
    drawn = bar(value, 10)
    assert len(drawn) == 10
    assert abs(drawn.count("█") - value * 10) <= 1
    assert len(steps([Bin(1, value, value), Bin(0, 0.0, 0.0)])) == 2
