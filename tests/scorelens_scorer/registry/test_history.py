"""Which version is in use after changes of every order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_scorer.registry.history import History

STEPS = st.lists(st.sampled_from(["1-a", "2-b", "3-c", "back"]), max_size=20)


@given(STEPS)
def test_a_rollback_undoes_the_last_promotion_that_stands(steps: list[str]) -> None:
    """The version in use is the top of a stack that promotions push to and rollbacks pop, and survives its JSON."""
    history, stack = History(), [""]
    for step in steps:
        if step != "back":
            history = history.promote(step, "2026-11-22T10:00:00Z", "ada")
            stack.append(step)
        elif len(stack) > 1:
            history = history.roll_back("2026-11-22T10:00:01Z", "ada")
            stack.pop()
        else:
            with pytest.raises(ValueError, match="nothing was promoted"):
                history.roll_back("", "ada")
        assert history.version == stack[-1]
        assert history.before == (stack[-2] if len(stack) > 1 else None)
    assert History.of_json(json.loads(json.dumps(history.as_json()))) == history


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"version": "1", "history": []},
        {"version": "", "history": [{"version": 1, "time": "", "by": ""}]},
        {"version": "", "history": [{"version": "", "time": "", "by": "", "rollback": True}]},
        {"version": "1", "history": [{"version": "1", "time": "", "by": "", "more": 1}]},
    ],
)
def test_what_is_no_history_is_refused(value: object) -> None:
    """A file that was damaged or written by hand is noticed."""
    with pytest.raises((ValueError, TypeError, KeyError)):
        History.of_json(value)
