"""Dead letters are shown beside the records as the files of their indexer have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from scorelens.v1 import store_admin_pb2 as messages
from scorelens_indexer.dead_letters import DeadLetters
from scorelens_indexer.mirror import Mirror, indexer_id
from scorelens_indexer.server import serving
from scorelens_store.elasticsearch.dead_letter_index import open_dead_letters
from scorelens_store.elasticsearch.store import open_store
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.open import open_store as open_any
from tests.scorelens_indexer.running import client_of, settings_for
from tests.scorelens_indexer.spans import document, export
from tests.scorelens_indexer.test_dead_letters import letter
from tests.scorelens_indexer.waiting import until


@pytest.fixture(scope="module")
def address(elasticsearch_url: str) -> Iterator[str]:
    """Address of a store of this module's own."""
    prefix = f"letters-{uuid4().hex[:8]}"
    yield f"{elasticsearch_url}#{prefix}"
    store = open_store(elasticsearch_url, prefix=prefix)
    store.remove_everything()
    store.close()


@pytest.fixture
def found(address: str) -> Callable[[], list[dict[str, Any]]]:
    """Return what Kibana would find, the latest first."""
    url, _, prefix = address.partition("#")

    def search() -> list[dict[str, Any]]:
        path = f"{url}/{prefix}-dead-letters/_search?size=100&sort=@timestamp:desc&ignore_unavailable=true"
        answer = urllib3.request("GET", path).json()  # an error while the index is being made
        return [hit["_source"] for hit in answer.get("hits", {}).get("hits", [])]

    return search


def test_the_index_has_what_the_files_keep(tmp_path: Path, address: str, found: Callable[[], list[Any]]) -> None:
    """New letters are added, forgotten and rotated ones removed, those of another indexer left alone."""
    for name in ("one", "two", "none"):
        (tmp_path / name).mkdir()
    letters = DeadLetters(tmp_path / "one", 100_000, 2)
    mirror = Mirror(letters, open_dead_letters(address, "one"), 100, "one")
    other = DeadLetters(tmp_path / "two", 100_000, 2)
    other.add([letter(1)])
    Mirror(other, open_dead_letters(address, "two"), 100, "two").look()

    letters.add([letter(1), letter(2, 333)])
    mirror.look()
    assert sorted(one["reason"] for one in found()) == ["reason 1", "reason 1", "reason 2"]
    second = next(one for one in found() if one["reason"] == "reason 2")
    assert (second["bytes"], second["document"], second["indexer"]) == (333, {"id": "d-2"}, {"id": "one"})
    assert "customer" not in second

    letters.forget("customer_id", ["c-1"])
    mirror.look()
    assert sorted((one["indexer"]["id"], one["reason"]) for one in found()) == [
        ("one", "reason 2"),
        ("two", "reason 1"),
    ]

    Mirror(DeadLetters(tmp_path / "none", 100_000, 2), open_dead_letters(address, "one"), 100, "one").look()
    Mirror(DeadLetters(tmp_path / "none", 100_000, 2), open_dead_letters(address, "two"), 100, "two").look()
    assert found() == []


def test_an_indexer_shows_its_dead_letters(
    tmp_path: Path, address: str, found: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an indexer put aside appears with its reason, and leaves when its document is forgotten."""
    monkeypatch.setattr("scorelens_indexer.mirror.EVERY", 0.05)
    settings = settings_for(tmp_path / "indexer", store=address)
    with serving(settings, lambda: open_any(address)) as (server, _), client_of(server.address) as client:
        client.export(export(document(1, {"scorelens.document.text": 5})))
        until(lambda: len(found()) == 1)
        assert "scorelens.document.text" in found()[0]["reason"]
        client.admin.Forget(messages.ForgetRequest(document_ids=[found()[0]["document"]["id"]]))
        until(lambda: found() == [])


class Away:
    """A store that is away for its first calls."""

    def __init__(self, failures: int) -> None:
        self.failures, self.shown = failures, dict[str, Any]()

    def mirror(self, letters: Mapping[str, Mapping[str, Any]]) -> tuple[int, int]:
        """Fail, or take the letters."""
        self.failures -= 1
        if self.failures >= 0:
            raise StoreUnavailableError("away")
        self.shown = dict(letters)
        return len(letters), 0

    def close(self) -> None:
        """Do nothing."""


def test_what_could_not_be_shown_is_shown_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away holds nobody up; letters appear when it is back, those from before a restart, too."""
    monkeypatch.setattr("scorelens_indexer.mirror._PATIENCE", 0.01)
    monkeypatch.setattr("scorelens_indexer.mirror.EVERY", 0.01)
    DeadLetters(tmp_path, 100_000, 2).add([letter(1)])
    letters, away = DeadLetters(tmp_path, 100_000, 2), Away(3)
    mirror = Mirror(letters, away, 100, "one")
    mirror.start()
    until(lambda: len(away.shown) == 1)
    letters.add([letter(2)])
    until(lambda: len(away.shown) == 2)
    mirror.close()


def test_the_newest_are_shown_where_there_are_too_many(tmp_path: Path) -> None:
    """The number of letters that are shown is bounded."""
    letters, away = DeadLetters(tmp_path, 100_000, 2), Away(0)
    letters.add([letter(number) for number in range(5)])
    Mirror(letters, away, 2, "one").look()

    assert sorted(one["reason"] for one in away.shown.values()) == ["reason 3", "reason 4"]


def test_an_indexer_keeps_its_id(tmp_path: Path) -> None:
    """The id that tells its letters from another indexer's stays over restarts."""
    (tmp_path / "other").mkdir()

    assert indexer_id(tmp_path) == indexer_id(tmp_path) != indexer_id(tmp_path / "other")
