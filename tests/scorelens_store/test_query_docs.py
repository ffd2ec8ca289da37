"""The description of the query language says what is so."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scorelens_store.errors import QueryError
from scorelens_store.fields import ALIASES
from scorelens_store.query.parse import MAX_CLAUSES, MAX_DEPTH, MAX_LENGTH, parse
from tests.scorelens_store.naive import matches
from tests.scorelens_store.records import make

TEXT = (Path(__file__).parents[2] / "docs" / "query.md").read_text()
EXAMPLES = re.findall(r"^\| `([^`]+)` \|", TEXT, re.MULTILINE)
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def _record(number: int, time: datetime, text: str, **document: Any) -> dict[str, Any]:
    return make(number, **{"@timestamp": time.isoformat()}, document={"id": str(number), "text": text, **document})


SAID = _record(
    1,
    NOW - timedelta(minutes=10),
    "Still no refund for my mortgage or loan, refunds are late",
    kind="tweet",
    title="My Mortgage",
    source="support chat",
    author="a*b",
    audience=1200,
    published_time="2025-03-01T00:00:00Z",
    attributes={"campaign": "spring"},
) | {
    "tags": ["complaint"],
    "because": ["complaint:refund"],
    "score": {"complaint": 0.8},
    "margin": {"complaint": -1.5},
    "labels": {"verdict": "wrong"},
    "customer": {"id": "c-1"},
}
WORDS = _record(2, NOW - timedelta(days=1), "mortgage loans are fine", kind="blog", title="mortgage")
OTHER = _record(3, NOW - timedelta(days=400), "nothing to see", kind="chat", author="axb") | {
    "score": {"complaint": 0.2}
}
CORPUS = [SAID, WORDS, OTHER]


@pytest.mark.parametrize("query", EXAMPLES)
def test_examples_find_something_and_leave_something(query: str) -> None:
    """Each example finds some of a few records that have what the examples speak of, and not all."""
    found = [record["record"]["id"] for record in CORPUS if matches(parse(query, NOW), record)]
    assert 0 < len(found) < len(CORPUS)


def test_there_are_examples() -> None:
    """The tables are where the test looks for them."""
    assert len(EXAMPLES) > 25


def test_the_shown_mistake_is_what_is_said() -> None:
    """The error of the description is the one that the query gives."""
    shown = re.search(r"```\n(the query cannot.*?)\n```", TEXT, re.DOTALL)
    assert shown
    with pytest.raises(QueryError) as caught:
        parse("mortgage AND kindd:tweet")
    assert str(caught.value) == shown[1]


def test_every_short_name_is_described() -> None:
    """The list of short names is whole."""
    line = re.search(r"Short names: (.*?)\.\n", TEXT, re.DOTALL)
    assert line
    assert set(re.findall(r"`([a-z]+)`", line[1])) == set(ALIASES)


def test_limits_are_described() -> None:
    """The limits are those of the code."""
    for limit in (MAX_LENGTH, MAX_CLAUSES, MAX_DEPTH):
        assert f"{limit:,}" in TEXT
