"""The score of a word, and what chance would bring."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from scorelens_store.significance import CHANCE, is_mark, jlh, log_likelihood_ratio

SIDES = st.integers(1, 10**7).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@pytest.mark.parametrize(
    ("counts", "score"),
    [
        ((30, 100, 100, 1000), (0.3 - 0.1) * 0.3 / 0.1),
        ((5, 10, 0, 100), (0.5 - 0.01) * 0.5 / 0.01),
        ((5, 10, 1, 100), (0.5 - 0.01) * 0.5 / 0.01),
        ((10, 100, 100, 1000), 0.0),
        ((1, 100, 500, 1000), 0.0),
        ((1, 10, 0, 10), 0.0),
        ((0, 0, 3, 10), 0.0),
        ((3, 10, 0, 0), 0.0),
    ],
)
def test_the_score_is_jlh(counts: tuple[int, int, int, int], score: float) -> None:
    """Absolute times relative change; what the others never have counts as once; what is rarer has no score."""
    assert jlh(*counts) == pytest.approx(score)


def test_more_of_a_word_scores_higher() -> None:
    """A word scores higher the more of the records have it, and the fewer of the others."""
    by_count = [jlh(count, 100, 50, 1000) for count in range(6, 101)]
    by_others = [jlh(50, 100, others, 1000) for others in range(500)]
    assert by_count == sorted(by_count)
    assert by_others == sorted(by_others, reverse=True)


@given(mine=SIDES, others=SIDES)
def test_the_ratio_is_that_of_the_textbook(mine: tuple[int, int], others: tuple[int, int]) -> None:
    """Dunning's ratio is the G statistic of the table of two counts."""
    (count, total), (other_count, other_total) = mine, others
    assume(0 < count + other_count < total + other_total)
    table = [[count, total - count], [other_count, other_total - other_count]]
    found = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert log_likelihood_ratio(count, total, other_count, other_total) == pytest.approx(found, rel=1e-6, abs=1e-4)


def test_chance_is_one_in_a_thousand() -> None:
    """The limit of the ratio is that of chi squared with one degree of freedom."""
    assert pytest.approx(chi2.isf(0.001, 1), abs=1e-3) == CHANCE


@given(mine=SIDES, others=SIDES)
def test_every_mark_has_a_score(mine: tuple[int, int], others: tuple[int, int]) -> None:
    """What is told from chance is more frequent, and its score is a number above 0."""
    if is_mark(*mine, *others):
        assert mine[0] / mine[1] > others[0] / others[1]
        assert 0 < jlh(*mine, *others) < math.inf


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((3, 126, 16, 2168), False),
        ((30, 1260, 160, 21680), True),
        ((6, 10, 10, 1000), True),
        ((1, 3, 0, 1_000_000), True),
        ((40, 40, 40, 40), False),
        ((40, 40, 0, 40), True),
        ((0, 40, 40, 40), False),
    ],
)
def test_small_numbers_have_to_differ_more(counts: tuple[int, int, int, int], expected: bool) -> None:
    """The same shares mean something of many records and nothing of few."""
    assert is_mark(*counts) is expected
