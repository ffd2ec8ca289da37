"""Listings and scans of Elasticsearch when the server forgets their state, loses an index or goes away."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from scorelens_store.contract import PAGE, Selection, Sort
from scorelens_store.elasticsearch import ElasticsearchStore, open_store
from scorelens_store.elasticsearch.snapshot import Snapshot
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.tree import Everything
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import make
from tests.scorelens_store.server import ask
from tests.tools.proxy import Answer, Passing, Proxy, proxied

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
EARLIER = "2026-11-19T10:00:00Z"
OF_A_DAY = PAGE
RECORDS = [
    make(number, **{"@timestamp": f"{day}T10:00:00.{number:06}Z"})
    for place, day in enumerate(DAYS)
    for number in range(place * OF_A_DAY, (place + 1) * OF_A_DAY)
]


@pytest.fixture(scope="module")
def proxy(elasticsearch_url: str) -> Iterator[Proxy]:
    """Stand between stores and their server."""
    with proxied(elasticsearch_url) as running:
        yield running


@pytest.fixture(scope="module")
def filled(proxy: Proxy, elasticsearch_url: str) -> Iterator[ElasticsearchStore]:
    """A store with several pages of records in three indices."""
    yield from _filled(proxy, elasticsearch_url)


@pytest.fixture
def store(filled: ElasticsearchStore, proxy: Proxy) -> Iterator[ElasticsearchStore]:
    """The store that all share; what a test does to the proxy ends with it."""
    yield filled
    proxy.fault = Passing.forward


@pytest.fixture
def own(proxy: Proxy, elasticsearch_url: str) -> Iterator[ElasticsearchStore]:
    """A store with the same records that is the test's own."""
    yield from _filled(proxy, elasticsearch_url)


def _filled(proxy: Proxy, url: str) -> Iterator[ElasticsearchStore]:
    opened = open_store(proxy.url, prefix=f"pages-{secrets.token_hex(6)}", replicas="0")
    opened.put(RECORDS)
    yield opened
    opened.close()
    drop(url, opened.settings.prefix)


READINGS: dict[str, Callable[[ElasticsearchStore], Iterator[Any]]] = {
    "scan": lambda store: store.scan(EVERYTHING),
    "pages by field": lambda store: store.pages(EVERYTHING, limit=10_000, sort=Sort("audience")),
    "pages by relevance": lambda store: store.pages(EVERYTHING, limit=10_000),
}
each_reading = pytest.mark.parametrize("reading", READINGS)


def in_use(store: ElasticsearchStore, url: str) -> int:
    """Return how many states of its indices the server keeps for readers."""
    found = ask(url, "GET", f"/{store.settings.prefix}/_stats/search")
    return int(found["_all"]["total"]["search"]["open_contexts"])


@each_reading
def test_a_reading_gives_back_what_the_server_keeps(
    store: ElasticsearchStore, elasticsearch_url: str, reading: str
) -> None:
    """Read to the end, left early, cancelled or failed, nothing stays open on the server."""
    for _ in READINGS[reading](store):
        pass
    left = READINGS[reading](store)
    next(left)
    assert in_use(store, elasticsearch_url) == len(DAYS)
    left.close()  # type: ignore[attr-defined]
    assert len(list(store.scan(EVERYTHING, cancelled=lambda: True))) == 0
    failing = READINGS[reading](store)
    next(failing)
    with pytest.raises(RuntimeError, match="of its reader"):
        failing.throw(RuntimeError("of its reader"))  # type: ignore[attr-defined]
    assert in_use(store, elasticsearch_url) == 0


@each_reading
def test_a_state_that_the_server_dropped_is_an_error(
    store: ElasticsearchStore, elasticsearch_url: str, proxy: Proxy, reading: str
) -> None:
    """What was kept for too long is said to be gone, with what to do, and never a shorter result."""
    states: list[str] = []

    def noting(request: Passing) -> Answer:
        answer = request.forward()
        if "/_pit" in request.path and request.method == "POST":
            states.append(answer.body.decode().split('"id":"')[1].partition('"')[0])
        return answer

    proxy.fault = noting
    begun = READINGS[reading](store)
    next(begun)
    ask(elasticsearch_url, "DELETE", "/_pit", {"id": states[0]})
    with pytest.raises(StoreUnavailableError, match=r"nothing was read for 5m.*read it again from the beginning"):
        list(begun)


@each_reading
@pytest.mark.parametrize("removed", [DAYS[1:2], DAYS], ids=["one", "all"])
def test_an_index_that_retention_removes_is_missing_from_there_on(
    own: ElasticsearchStore, elasticsearch_url: str, reading: str, removed: tuple[str, ...]
) -> None:
    """Records of an index that is removed meanwhile are left out, and the others are all there."""
    begun = READINGS[reading](own)
    first = next(begun)
    for day in removed:
        ask(elasticsearch_url, "DELETE", f"/{own.settings.prefix}-{day.replace('-', '.')}")
    found = [first, *begun]
    if reading != "scan":
        found = [hit.record for page in found for hit in page.hits]
    names = {record["record"]["id"] for record in found}
    assert len(names) == len(found)
    expected = {one["record"]["id"] for one in RECORDS if one["@timestamp"][:10] not in removed}
    assert expected <= names
    assert len(names) < len(RECORDS)


@each_reading
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(0, share=0), "127.0.0.1"),
        (Answer(200, b'{"hits": {"hits": [', {"content-type": "application/json"}), "no JSON or was cut off"),
        (Answer(503, b"away", {"content-type": "text/plain"}), "overloaded or starting"),
        (Answer(429, b'{"error": {"type": "x", "reason": "full"}}', {"content-type": "application/json"}), "full"),
    ],
    ids=["gone", "half an answer", "proxy", "busy"],
)
def test_a_server_that_goes_away_midway_is_an_error(
    store: ElasticsearchStore, proxy: Proxy, reading: str, answer: Answer, message: str
) -> None:
    """A page that does not come is an error that names the server; what was read before it was right."""
    begun = READINGS[reading](store)
    next(begun)
    proxy.fault = lambda _: answer
    with pytest.raises(StoreUnavailableError, match=message):
        list(begun)


def test_shards_that_fail_are_an_error_with_their_reason(store: ElasticsearchStore, proxy: Proxy) -> None:
    """A part of the indices that cannot be read now is never left out in silence."""
    reason = b'{"type": "circuit_breaking_exception", "reason": "Data too large"}'
    failure = b'{"shard": 0, "index": "%s-2026.11.20", "node": "n", "reason": %s}' % (
        store.settings.prefix.encode(),
        reason,
    )
    body = b'{"hits": {"hits": []}, "_shards": {"total": 3, "successful": 2, "failed": 1, "failures": [%s]}}' % failure

    def failing(request: Passing) -> Answer:
        is_page = request.path.startswith("/_search")
        return Answer(200, body, {"content-type": "application/json"}) if is_page else request.forward()

    begun = store.scan(EVERYTHING)
    next(begun)
    proxy.fault = failing
    with pytest.raises(StoreUnavailableError, match="could not read all of its indices: Data too large"):
        list(begun)


def test_a_page_is_as_large_as_memory_has_room_for(own: ElasticsearchStore, proxy: Proxy) -> None:
    """Where records are large, a request asks for fewer of them, whatever they are large of."""
    large = [{"tag": "a", "feature": ["x" * 100_000]}]
    own.put([make(5000 + number, calculation=large, **{"@timestamp": EARLIER}) for number in range(330)])
    sizes: list[int] = []

    def noting(request: Passing) -> Answer:
        answer = request.forward()
        sizes.append(len(answer.body))
        return answer

    proxy.fault = noting
    try:
        assert sum(1 for _ in own.scan(EVERYTHING)) == len(RECORDS) + 330
    finally:
        proxy.fault = Passing.forward
    assert max(sizes) < 20 * 2**20
    assert len(sizes) < 12


def test_an_open_scan_does_not_hold_up_the_end_of_a_program(store: ElasticsearchStore, elasticsearch_url: str) -> None:
    """A program that ends in the midst of a scan ends, and says nothing of it."""
    code = (
        "import sys\n"
        "from scorelens_store.contract import Selection\n"
        "from scorelens_store.elasticsearch import open_store\n"
        "from scorelens_store.query.tree import Everything\n"
        "scan = open_store(sys.argv[1], prefix=sys.argv[2]).scan(Selection(Everything(), purposes=(), calls=True))\n"
        "print(next(scan)['record']['id'])\n"
    )
    arguments = [sys.executable, "-P", "-c", code, elasticsearch_url, store.settings.prefix]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, RECORDS[0]["record"]["id"], "")


def test_a_reader_that_is_closed_ends_its_scans_quietly(store: ElasticsearchStore, elasticsearch_url: str) -> None:
    """A scan that is ended after its connection is no error."""
    reader = open_store(elasticsearch_url, prefix=store.settings.prefix)
    begun = reader.scan(EVERYTHING)
    next(begun)
    reader.close()
    begun.close()  # type: ignore[attr-defined]


def test_before_the_first_record_there_is_nothing_to_keep(elasticsearch_url: str) -> None:
    """Where a prefix has no index, a snapshot is empty."""
    with (
        closing(open_store(elasticsearch_url, prefix=f"none-{secrets.token_hex(6)}")) as empty,
        Snapshot(empty._connection, empty.settings.prefix) as snapshot,
    ):
        assert snapshot.count({"match_all": {}}) == 0
        assert list(snapshot.pages({"query": {"match_all": {}}, "sort": []}, 10)) == []
