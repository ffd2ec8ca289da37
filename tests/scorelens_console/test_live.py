"""New documents on top of a listing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.scorelens_console.records import record, records
from tests.scorelens_console.running import Running, running


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Running]:
    """A console on a store that a test adds to."""
    with running(tmp_path, records(3)) as found:
        yield found


def shown(page: str) -> list[str]:
    """Return the ids of the documents of a page."""
    return re.findall(r'<a class="id"[^>]*>([^<]*)</a>', page)


def following(page: str) -> str:
    """Return the address that a page asks for news."""
    (address,) = re.findall(r'hx-get="(/documents/new[^"]*)"', page)
    return html.unescape(address)


def put(console: Running, *numbers: int, minute: int) -> None:
    """Store records that were scored at the same time."""
    time = record(minute)["@timestamp"]
    console.store.put([record(number, **{"@timestamp": time}) for number in numbers])


def test_each_new_document_comes_once(console: Running) -> None:
    """Those of the very time of the newest one as well, however late they come; nothing comes twice."""
    person: httpx.Client = console.person("viewer")
    page = person.get("/documents").raise_for_status().text
    assert shown(page) == ["d-2", "d-1", "d-0"]
    put(console, 10, 11, minute=2)
    page = person.get(following(page)).raise_for_status().text
    assert sorted(shown(page)) == ["d-10", "d-11"]
    assert shown(person.get(following(page)).text) == []
    put(console, 12, minute=2)
    put(console, 13, minute=5)
    page = person.get(following(page)).raise_for_status().text
    assert shown(page) == ["d-13", "d-12"]
    assert shown(person.get(following(page)).text) == []


def test_more_than_fit_are_told_of(console: Running) -> None:
    """Of very many that come at once the newest are shown, with how many more there are."""
    person = console.person("viewer")
    page = person.get("/documents").raise_for_status().text
    put(console, *range(100, 180), minute=9)
    page = person.get(following(page)).raise_for_status().text
    assert len(shown(page)) == 50
    assert "30 more came" in page


def test_a_filter_holds_for_what_is_new(console: Running) -> None:
    """Only what the listing would show comes on top of it."""
    person = console.person("viewer")
    page = person.get("/documents", params={"kind": "tweet"}).raise_for_status().text
    put(console, 20, 21, minute=30)  # a tweet and a chat
    assert shown(person.get(following(page)).raise_for_status().text) == ["d-20"]


def test_a_wrong_time_is_refused_by_name(console: Running) -> None:
    """An address that somebody mangled is no error of the console's."""
    answer = console.person("viewer").get("/documents/new", params={"newest": "yesterday"})
    assert answer.status_code == 400
    assert "newest" in answer.text
