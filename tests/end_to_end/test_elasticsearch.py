"""Whatever becomes of Elasticsearch, every answered call is found exactly once or is a dead letter, and sums hold.

Wrong credentials are in tests/scorelens_store/test_elasticsearch_security.py, where a server checks them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import grpc
import pytest

from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1 import scorer_pb2_grpc
from scorelens_store.open import open_reader
from tests.end_to_end.load import Load
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import RECORDS, System
from tests.scorelens_store.server import ask
from tests.tools import spoiling
from tests.tools.elasticsearch import ElasticsearchServer
from tests.tools.proxy import Answer, Fault, Passing, Proxy, passing, proxied

pytestmark = pytest.mark.heavy

SOME = 60
SPOILED: dict[str, Fault] = {
    "busy": spoiling.bulk(spoiling.spoiled_items(429, spoiling.REJECTED)),
    "cut-off": spoiling.sometimes(spoiling.cut_off, 2),
    "mute": spoiling.sometimes(spoiling.unanswered, 2),
    "gateway": spoiling.sometimes(lambda request: [request.forward(), Answer(504)][1], 2),
}
"""What becomes of bulk requests, by a name: single records refused, answers cut off midway or missing."""


@pytest.fixture(scope="module")
def first(own_elasticsearch: ElasticsearchServer) -> ElasticsearchServer:
    """The server that runs when a test begins."""
    if not own_elasticsearch.answers():
        own_elasticsearch.restart()
    return own_elasticsearch


@pytest.fixture(scope="module")
def proxy(first: ElasticsearchServer) -> Iterator[Proxy]:
    """A proxy in front of it."""
    with proxied(first.url) as running:
        yield running


@pytest.fixture(scope="module")
def behind(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose indexer speaks to the proxy."""
    with System(tmp_path_factory.mktemp("behind"), f"{proxy.url}#behind") as running:
        yield running.start()


@pytest.fixture(scope="module")
def direct(
    first: ElasticsearchServer, second_elasticsearch: ElasticsearchServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system whose indexer knows the addresses of both servers."""
    urls = f"{second_elasticsearch.url},{first.url}#direct"
    with System(tmp_path_factory.mktemp("direct"), urls) as running:
        yield running.start()


def load_on(system: System, name: str) -> Load:
    """Return callers that leave this machine time to store what they make."""
    return Load(system.sidecar.address, name=name, pause=0.2)


def await_stored(system: System, more: int = 3) -> None:
    """Wait until so many more records are stored."""
    goal = system.indexer_account().stored + more
    wait_until(lambda: system.indexer_account().stored >= goal, "records are stored again")


def await_refused(system: System) -> None:
    """Wait until the indexer has refused spans that it could not store."""
    refused = system.indexer_account().refused
    wait_until(lambda: system.indexer_account().refused > refused, "the indexer says that it cannot store")


def settled(system: System, *loads: Load, letters: int = 0) -> None:
    """Assert that all arrived once, that the indexer counted what the store has, and that both accounts add up."""
    assert [load.failed for load in loads] == [[]] * len(loads)
    account = system.settle()
    assert account["dropped"] == dict.fromkeys(account["dropped"], 0)
    if loads:
        system.assert_each_once(name for load in loads for name in load.answered)
    counts = system.indexer_account()
    with closing(open_reader(system.store)) as reader:
        assert counts.stored == reader.count(RECORDS)
    outcomes = counts.stored + counts.duplicates + counts.forgotten + counts.dead_letters + counts.ignored
    assert counts.received == outcomes + counts.refused
    assert (counts.dead_letters, counts.forgotten) == (letters, 0)


def test_spoiled_answers_amid_a_load(behind: System, proxy: Proxy) -> None:
    """Records refused for now, and answers that break off or never come though all was done, harm no record."""
    loads = []
    for name, fault in SPOILED.items():
        struck = threading.Semaphore(0)

        def striking(request: Passing, fault: Fault = fault, struck: threading.Semaphore = struck) -> Answer:
            if request.is_bulk:
                struck.release()
            return fault(request)

        with load_on(behind, name) as load:
            load.until_answered(SOME)
            proxy.fault = striking
            for _ in range(3):
                assert struck.acquire(timeout=60), name
            load.until_answered(SOME)
            proxy.fault = passing
        loads.append(load)
    settled(behind, *loads)


def test_a_read_only_index_amid_a_load(behind: System, first: ElasticsearchServer) -> None:
    """While indices take no writes, as on a full disk, scoring goes on; all records arrive once they do again."""
    with load_on(behind, "read-only") as load:
        load.until_answered(SOME)
        await_stored(behind)
        ask(first.url, "PUT", "/behind-*/_settings", {"index.blocks.read_only_allow_delete": True})
        await_refused(behind)
        load.until_answered(SOME)
        ask(first.url, "PUT", "/behind-*/_settings", {"index.blocks.read_only_allow_delete": None})
    settled(behind, load)
    assert "is read-only" in behind.indexer.said()
    assert "the store is back" in behind.indexer.said()


def test_one_of_a_thousand_records_that_the_mapping_refuses(behind: System, first: ElasticsearchServer) -> None:
    """A record that conflicts with an administrator's mapping is a dead letter with its reason; the rest is found."""
    author = {"type": "keyword", "ignore_above": 8191, "fields": {"number": {"type": "integer"}}}
    index = f"/behind-{datetime.now(UTC):%Y.%m.%d}"
    ask(first.url, "PUT", f"{index}/_mapping", {"properties": {"document": {"properties": {"author": author}}}})
    names = [f"thousand-{number}" for number in range(1000)]
    documents = [pb.Document(id=name, text="good", author="17") for name in names]
    documents[617].author = "amelia"
    with grpc.insecure_channel(behind.sidecar.address) as channel:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        for start in range(0, 1000, 50):
            stub.Score(pb.ScoreRequest(documents=documents[start : start + 50]), timeout=20)
    settled(behind, letters=1)
    behind.assert_each_once(name for name in names if name != "thousand-617")
    [letter] = behind.dead_letters()
    assert letter.document_id == "thousand-617"
    assert "document.author.number" in letter.reason


def test_one_of_two_servers_is_overloaded_and_killed_amid_a_load(
    direct: System, first: ElasticsearchServer, second_elasticsearch: ElasticsearchServer
) -> None:
    """With one that answers 429 to all it is to write, and without it, records are stored over the other one."""
    second_elasticsearch.start()
    with load_on(direct, "two") as load:
        await_stored(direct)
        health = ask(first.url, "GET", "/_cluster/health/direct?wait_for_status=green&timeout=60s")
        assert (health["status"], health["number_of_data_nodes"]) == ("green", 2)
        wait_until(lambda: rejections(second_elasticsearch) > 1, "the second server answers 429")
        await_stored(direct)
        second_elasticsearch.kill9()
        load.until_answered(SOME)
        await_stored(direct)
    settled(direct, load)


def rejections(server: ElasticsearchServer) -> int:
    """Return how many requests a server has rejected since it had no room for them."""
    [node] = ask(server.url, "GET", "/_nodes/_local/stats/indexing_pressure")["nodes"].values()
    return int(node["indexing_pressure"]["memory"]["total"]["coordinating_rejections"])


def test_elasticsearch_is_killed_amid_a_load_and_started_again(direct: System, first: ElasticsearchServer) -> None:
    """kill -9 of the only server that is left: scoring goes on without it, and everything is found once it is back."""
    with load_on(direct, "killed") as load:
        await_stored(direct)
        first.kill9()
        await_refused(direct)
        load.until_answered(SOME)
        first.start()
        await_stored(direct)
    settled(direct, load)
    said = direct.indexer.said()
    assert "answers again" in said
    assert len(said.splitlines()) < 30, said
