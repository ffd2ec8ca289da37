"""Times as people name them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scorelens_reading.when import parse_when

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:00:00Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T10:00:00+02:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20T10:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_write_them(text: str, meant: datetime) -> None:
    """A time ago, a day and RFC 3339 are understood, in UTC without a zone."""
    assert parse_when(text, NOW) == meant


@pytest.mark.parametrize(
    "text", ["", "yesterday", "7", "7y", "2026-13-01", "-2h", "999999w", "٣d", "0001-01-01T00:00+09:00"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    """What is not a time is answered with what is."""
    with pytest.raises(ValueError, match="2h"):
        parse_when(text, NOW)
