"""The tags of a record as rows show them."""

from __future__ import annotations

from typing import Any

import pytest

from scorelens_console.core.scores import by_group, nearest, scores_of
from scorelens_console.core.showing import part
from tests.scorelens_console.records import record


def made(**margins: float) -> dict[str, Any]:
    """Return a record whose tags have these margins, selected from 0 on."""
    parts = [
        {"tag": tag, "explanation": "exact", "margin": margin, "link": "sigmoid", "probability": 0.5, "threshold": 0.5}
        for tag, margin in margins.items()
    ]
    return {
        "tags": [tag for tag, margin in margins.items() if margin >= 0],
        "score": dict.fromkeys(margins, 0.5),
        "margin": margins,
        "threshold": dict.fromkeys(margins, 0.5),
        "calculation": parts,
    }


def test_a_score_knows_what_it_lacks() -> None:
    """What the margin lacks is told by the threshold and the link, and is below zero for a tag that was given."""
    scores = {score.tag: score for score in scores_of(made(given=2.0, near=-0.5, far=-3.0))}
    assert (scores["given"].missing, scores["near"].missing) == (-2.0, 0.5)
    assert [score.tag for score in nearest(scores.values(), 2)] == ["near", "far"]


def test_what_viewers_see_has_no_calculation() -> None:
    """Without margins the nearest tags are those with the highest probability."""
    seen = {"tags": ["a"], "score": {"a": 0.9, "b": 0.1, "c": 0.3}, "groups": {"a": "topic", "b": "brand"}}
    scores = scores_of(seen)
    hidden = [(score.margin, score.threshold, score.calculation, score.missing) for score in scores]
    assert hidden == [(None, None, None, None)] * 3
    assert [score.tag for score in nearest(scores, 5)] == ["c", "b"]
    assert [(group, [one.tag for one in own]) for group, own in by_group(scores)] == [
        ("topic", ["a"]),
        ("tag", ["c"]),
        ("brand", ["b"]),
    ]


def test_rows_leave_out_parts_of_words_that_they_show() -> None:
    """The leading terms are not four pieces of one word."""
    one = record(0)
    one["calculation"][0] |= {
        "feature": ["refund", "~efun", "~_ref", "~nd_", "~othe", "no"],
        "value": [1.0] * 6,
        "coefficient": [1.0] * 6,
        "contribution": [4.0, 3.0, -2.5, 2.0, 1.0, -0.5],
    }
    (score,) = (score for score in scores_of(one) if score.tag == "complaint")
    assert [(bar.term.feature, bar.length, bar.speaks_for) for bar in score.bars(3)] == [
        ("refund", 1.0, True),
        ("~othe", 0.25, True),
        ("no", 0.125, False),
    ]


@pytest.mark.parametrize(
    ("share", "length"), [(0.5, "50.0%"), (2.0, "100.0%"), (-1.0, "0.0%"), (float("nan"), "0%"), (None, "0%")]
)
def test_lengths_stay_within_their_track(share: float | None, length: str) -> None:
    """Nothing that a model says draws beyond its place."""
    assert part(share) == length
