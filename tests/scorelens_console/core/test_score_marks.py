"""Tags and terms in HTML."""

from __future__ import annotations

from typing import Any

from scorelens_console.core.score_marks import chip, line, term, track
from scorelens_console.core.scores import Score, scores_of
from tests.scorelens_console.records import record

HOSTILE = "<script>\"&'"


def hostile() -> Score:
    """Return a score whose every text tries to be markup."""
    one: dict[str, Any] = record(0)
    one["calculation"] = [one["calculation"][0] | {"tag": HOSTILE, "feature": [HOSTILE], "contribution": [1.0]}]
    one["calculation"][0] |= {"value": [1.0], "coefficient": [1.0]}
    one |= {"tags": [HOSTILE], "score": {HOSTILE: 0.9}, "titles": {HOSTILE: HOSTILE}, "groups": {HOSTILE: HOSTILE}}
    (score,) = scores_of(one)
    return score


def test_what_is_foreign_is_text() -> None:
    """Titles, groups, features and addresses are escaped wherever they stand, in attributes as well."""
    score = hostile()
    (bar,) = score.bars(4)
    for written in (chip(score), track(score), term(bar), line(score, HOSTILE)):
        assert "<script" not in written
        assert "'" not in written
    assert line(score, HOSTILE).count("&lt;script&gt;&#34;&amp;&#39;") == 5


def test_a_row_without_a_calculation_says_so() -> None:
    """A tag without terms says which is missing: the calculation, or terms in it."""
    score = Score("late", "Late", "topic", 0.25, selected=False)
    assert "no calculation was recorded" in line(score, "/")
    assert "not tagged topic" in line(score, "/")
    assert "no term was recorded" in line(Score("late", "Late", "topic", 0.25, False, recorded={"tag": "late"}), "/")
