"""The bars over time above a listing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.scorelens_console.records import record
from tests.scorelens_console.running import running

STEPS = {
    "seconds": timedelta(seconds=7),
    "hours": timedelta(hours=5),
    "days": timedelta(days=2),
    "years": timedelta(40),
}
EACH = 30


def spread(number: int, source: str) -> dict[str, Any]:
    """Return a record of a source whose records lie so far apart, the last one a minute ago."""
    moment = datetime.now(UTC) - timedelta(minutes=1) - STEPS[source] * number
    made = record(1000 * list(STEPS).index(source) + number)
    made["document"]["source"] = source
    return made | {"@timestamp": moment.isoformat(timespec="microseconds").replace("+00:00", "Z")}


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Somebody who looks at records that lie close together, and at others that are years apart."""
    made = [spread(number, source) for source in STEPS for number in range(EACH)]
    with running(tmp_path_factory.mktemp("console"), made) as console:
        yield console.person("viewer")


def bars(page: httpx.Response) -> list[tuple[datetime, int]]:
    """Return the start and the count of each bar."""
    found = re.findall(r'<i style="height:[\d.]+%" title="(.{19,32}): ([\d,]+)"></i>', page.raise_for_status().text)
    return [(datetime.fromisoformat(start), int(count)) for start, count in found]


@pytest.mark.parametrize(("source", "period"), [*((source, "") for source in STEPS), ("hours", "7d"), ("days", "7d")])
def test_bars_hold_every_document_whatever_time_they_span(viewer: httpx.Client, source: str, period: str) -> None:
    """There are some bars and not too many, in order of time, and together they count each document once."""
    page = viewer.get("/documents", params={"source": source, "period": period})
    found = re.search(r'id="total">([\d,]+)<', page.text)
    drawn = bars(page)
    assert found is not None
    assert sum(count for _, count in drawn) == int(found[1])
    assert period or int(found[1]) == EACH
    assert 3 < len(drawn) <= EACH
    assert all(one < other for (one, _), (other, _) in pairwise(drawn))


def test_days_become_wider_bars(viewer: httpx.Client) -> None:
    """Bars of a year and more begin whole months apart, as one that counts them so would have them."""
    starts = [start for start, _ in bars(viewer.get("/documents", params={"source": "years"}))]
    assert all(start.timestamp() % 2_592_000 == 0 for start in starts)
