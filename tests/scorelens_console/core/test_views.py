"""Views of one's own, read and written."""

from __future__ import annotations

import pytest

from scorelens_console.core.views import View, cells, kept_view, read_view, write_view
from scorelens_console.errors import BadRequestError
from tests.scorelens_console.records import record


def view(**parts: str) -> View:
    """Return a view of what a form says."""
    return read_view(**({"title": "t", "address": "", "columns": "", "charts": ""} | parts))


def test_a_view_is_read_back_as_it_was_kept() -> None:
    """Query, filters, time, order, columns and charts stay."""
    made = view(
        title="  Angry   tweets ",
        address="q=refund+%26&kind=tweet&kind=chat&period=7d&sort=document.audience",
        columns="time, score.complaint\nlabel.verdict",
        charts="time\nkind\nscore.complaint by 0.05\n",
    )
    assert made.title == "Angry tweets"
    assert made.listing.query == "refund &"
    assert made.listing.filters == {"kind": ("tweet", "chat")}
    assert [one.name for one in made.columns] == ["@timestamp", "score.complaint", "labels.verdict"]
    assert kept_view(made.title, write_view(made)) == made


def test_cells_hold_what_a_record_has() -> None:
    """Times, numbers, several values, and nothing where there is nothing."""
    made = view(columns="time, audience, tag, customer, score.complaint")
    time, audience, tags, customer, score = cells(made, record(7))
    assert time.startswith("2026-11-20 09:07:00")
    assert audience == "700"
    assert tags == ", ".join(record(7)["tags"])
    assert customer == ""
    assert float(score) == pytest.approx(record(7)["score"]["complaint"], abs=1e-3)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"title": " "}, "title: give"),
        ({"title": "x" * 121}, "title: give"),
        ({"columns": "nope"}, "columns: there is no field 'nope'"),
        ({"charts": "score.x by wide"}, "charts: 'score.x by wide'"),
        ({"charts": "score.x by -1"}, "charts: "),
        ({"charts": "score.x by nan"}, "charts: "),
        ({"charts": "text"}, "charts: text is text"),
        ({"charts": "published"}, "charts: published is a time"),
        ({"columns": ",".join(f"score.t{n}" for n in range(21))}, "at most 20 columns"),
        ({"charts": "x" * 5000}, "4,000 characters"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_name(parts: dict[str, str], reason: str) -> None:
    """The part of the form that is wrong is named, with what would be right."""
    with pytest.raises(BadRequestError, match=reason):
        view(**parts)
