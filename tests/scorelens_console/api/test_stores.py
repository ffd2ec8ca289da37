"""The API and files of listings on Elasticsearch: the same answers, and nothing that stays open there."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from scorelens_store.contract import PAGE
from scorelens_store.elasticsearch import ElasticsearchSettings
from scorelens_store.open import open_store
from tests.scorelens_console.records import record
from tests.scorelens_console.running import Running, running
from tests.scorelens_store.conftest import drop

RECORDS = [record(number) for number in range(3 * PAGE)]
BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/search", {"query": "kind:tweet", "sort": "score.complaint:asc", "limit": 40}),
    ("/pages", {"limit": 3 * PAGE, "sort": "document.audience"}),
    ("/pages", {"limit": 7, "sort": "@timestamp:asc", "query": "refund", "highlight": True}),
    ("/scan", {"query": {"not": {"equals": {"field": "language", "value": "en"}}}}),
    ("/count", {"query": "still no refund~"}),
    ("/aggregate", {"aggregations": {"a": {"terms": {"field": "kind", "sum_of": "audience"}}}}),
    ("/aggregate", {"aggregations": {"a": {"date_histogram": {"field": "time", "seconds": 3600}}}}),
    ("/words", {"query": "language:fr", "limit": 5}),
    ("/search", {"sort": "tags"}),
)


@pytest.fixture(scope="module")
def prefix(elasticsearch_url: str) -> Iterator[str]:
    """Some records in Elasticsearch."""
    name = f"test-{secrets.token_hex(6)}"
    writer = open_store(elasticsearch_url, ElasticsearchSettings(prefix=name, period="month", replicas="0"))
    writer.put(RECORDS)
    yield name
    writer.close()
    drop(elasticsearch_url, name)


@pytest.fixture(scope="module")
def both(
    prefix: str, elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Running]]:
    """The same records in the embedded store and in Elasticsearch, and a console on each."""
    folder = tmp_path_factory.mktemp("both")
    with (
        running(folder / "one", RECORDS) as one,
        running(folder / "other", store=f"{elasticsearch_url}#{prefix}") as other,
    ):
        yield one, other


@pytest.mark.parametrize("role", ["viewer", "scientist"])
@pytest.mark.parametrize(("path", "body"), BODIES, ids=str)
def test_answers_are_the_same(both: tuple[Running, Running], role: str, path: str, body: dict[str, Any]) -> None:
    """Where records are does not matter to a program."""
    first, second = (console.program(role).post(path, json=body) for console in both)
    assert first.status_code == second.status_code
    assert told(first) == told(second)


def told(answer: httpx.Response) -> list[Any]:
    """Return what an answer tells, whatever pages it comes in; the place of a hit is each store's own."""
    lines = [json.loads(line) for line in answer.text.split("\n") if line]
    hits = [hit for line in lines for hit in line.get("hits", ())]
    if not hits:
        return lines
    return [{line["total"] for line in lines}, [(hit["record"], hit["highlights"]) for hit in hits]]


@pytest.mark.parametrize(
    "query", ["form=csv", "form=jsonl&table=scores&q=kind:chat", "form=csv&sort=document.audience"]
)
def test_files_are_the_same(both: tuple[Running, Running], query: str) -> None:
    """Nor to a spreadsheet."""
    first, second = (console.person("viewer").get(f"/documents/export?{query}") for console in both)
    assert first.status_code == 200
    assert first.content == second.content


def test_who_leaves_a_listing_early_leaves_nothing_open(both: tuple[Running, Running], elasticsearch_url: str) -> None:
    """Points in time are closed at the server, whatever was left early."""
    program, person = both[1].program("scientist"), both[1].person("scientist")
    before = contexts(elasticsearch_url)

    def begin(client: httpx.Client, method: str, path: str, **what: Any) -> None:
        with client.stream(method, path, **what) as answer:
            assert answer.status_code == 200
            next(answer.iter_raw(64))

    begin(program, "POST", "/scan", json={})
    begin(program, "POST", "/pages", json={"limit": 3 * PAGE, "sort": "kind"})
    begin(person, "GET", "/documents/export?form=csv")
    wait_until(lambda: contexts(elasticsearch_url) <= before)


def contexts(url: str) -> int:
    """Return how many searches a server holds open."""
    with urllib.request.urlopen(f"{url}/_nodes/stats/indices/search", timeout=30) as answer:
        nodes = json.loads(answer.read())["nodes"].values()
    return sum(node["indices"]["search"]["open_contexts"] for node in nodes)


def wait_until(true: Callable[[], bool], limit: float = 30.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
