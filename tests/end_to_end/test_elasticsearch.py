"""Whatever becomes of Elasticsearch, every answered call is found exactly once or is a dead letter, and sums hold."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1 import scorer_pb2_grpc
from scorelens_store.open import open_reader
from tests.end_to_end.load import Load
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import RECORDS, System
from tests.tools import spoiling
from tests.tools.elasticsearch import ElasticsearchServer
from tests.tools.proxy import Answer, Fault, Passing, Proxy, passing, proxied

SOME = 150

Pair = tuple[ElasticsearchServer, ElasticsearchServer]


@pytest.fixture(scope="module")
def first(elasticsearch_pair: Pair) -> ElasticsearchServer:
    """The server that runs."""
    return elasticsearch_pair[0]


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
def direct(elasticsearch_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose indexer knows the addresses of both servers."""
    urls = ",".join(server.url for server in reversed(elasticsearch_pair))
    with System(tmp_path_factory.mktemp("direct"), f"{urls}#direct") as running:
        yield running.start()


def await_answers(load: Load, more: int = SOME) -> None:
    """Wait until so many more documents are answered."""
    goal = len(load.answered) + more
    wait_until(lambda: len(load.answered) >= goal, f"{more} more documents are answered")


def settled(system: System, load: Load) -> None:
    """Assert that all arrived once, and that the indexer counted what the store has."""
    assert load.failed == []
    account = system.settle()
    assert account["dropped"] == dict.fromkeys(account["dropped"], 0)
    system.assert_each_once(load.answered)
    counts = system.indexer_account()
    with closing(open_reader(system.store)) as reader:
        assert counts.stored - counts.forgotten == reader.count(RECORDS)
    received = counts.stored + counts.duplicates + counts.forgotten + counts.dead_letters + counts.ignored
    assert counts.received == received + counts.refused


def ask(url: str, method: str, path: str, body: Any = None) -> Any:
    """Send a request as an administrator does."""
    request = urllib.request.Request(f"{url}{path}", method=method, data=json.dumps(body).encode() if body else None)
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("full", spoiling.sometimes(spoiling.overloaded, 2)),
        ("narrow", spoiling.bulk(spoiling.spoiled_items(429, spoiling.REJECTED))),
        ("cut", spoiling.sometimes(spoiling.cut_off, 2)),
        ("mute", spoiling.sometimes(spoiling.unanswered, 2)),
        ("gateway", spoiling.sometimes(lambda request: [request.forward(), Answer(504)][1], 2)),
        ("stranger", spoiling.bulk(spoiling.signed_out)),
        ("lawless", spoiling.bulk(lambda _: spoiling.refusal(403, {"type": "security_exception", "reason": "no"}))),
    ],
    ids=["429", "429 for records", "cut off", "no answer", "gateway", "credentials", "rights"],
)
def test_spoiled_answers_amid_a_load(behind: System, proxy: Proxy, name: str, fault: Fault) -> None:
    """A server that is overloaded, breaks off or refuses credentials for a while loses and doubles nothing."""
    struck = threading.Semaphore(0)

    def striking(request: Passing) -> Answer:
        if request.is_bulk:
            struck.release()
        return fault(request)

    with Load(behind.sidecar.address, name=name) as load:
        await_answers(load)
        proxy.fault = striking
        for _ in range(3 if name not in ("stranger", "lawless") else 1):
            assert struck.acquire(timeout=60)
        await_answers(load)
        proxy.fault = passing
    settled(behind, load)


def test_a_read_only_index_amid_a_load(behind: System, first: ElasticsearchServer) -> None:
    """While indices take no writes, as on a full disk, scoring goes on; all records arrive once they do again."""
    with Load(behind.sidecar.address, name="read-only") as load:
        await_answers(load)
        behind.settle()
        ask(first.url, "PUT", "/behind-*/_settings", {"index.blocks.read_only_allow_delete": True})
        refused = behind.indexer_account().refused
        wait_until(lambda: behind.indexer_account().refused > refused, "the indexer says that it cannot store")
        await_answers(load)
        ask(first.url, "PUT", "/behind-*/_settings", {"index.blocks.read_only_allow_delete": None})
    settled(behind, load)
    assert "read-only" in behind.indexer.said()
    assert "the store is back" in behind.indexer.said()


def test_one_of_a_thousand_records_that_the_mapping_refuses(behind: System, first: ElasticsearchServer) -> None:
    """A record that conflicts with an administrator's mapping is a dead letter with its reason; the rest is found."""
    today = f"behind-{datetime.now(UTC):%Y.%m.%d}"
    ask(first.url, "PUT", f"/{today}/_mapping", {"properties": {"document": {"properties": {"odd": {"type": "byte"}}}}})
    names = [f"thousand-{number}" for number in range(1000)]
    with grpc.insecure_channel(behind.sidecar.address) as channel:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        for start in range(0, 1000, 50):
            batch = names[start : start + 50]
            stub.Score(pb.ScoreRequest(documents=[pb.Document(id=name, text="good") for name in batch]), timeout=20)
    behind.settle()
    behind.assert_each_once(names)


def test_one_of_two_servers_is_killed_amid_a_load(direct: System, elasticsearch_pair: Pair) -> None:
    """With the records on both, writing and reading go on over the other one."""
    first, second = elasticsearch_pair
    second.start()
    with Load(direct.sidecar.address, name="two") as load:
        await_answers(load)
        direct.settle()
        health = ask(first.url, "GET", "/_cluster/health/direct?wait_for_status=green&timeout=60s")
        assert (health["status"], health["number_of_data_nodes"]) == ("green", 2)
        await_answers(load)
        second.kill9()
        acknowledged = direct.account()["acknowledged"]
        await_answers(load)
        wait_until(lambda: direct.account()["acknowledged"] > acknowledged + 10, "records are stored again")
    settled(direct, load)


def test_elasticsearch_is_killed_amid_a_load_and_started_again(direct: System, first: ElasticsearchServer) -> None:
    """kill -9 of the only server that is left: scoring goes on without it, and everything is found once it is back."""
    with Load(direct.sidecar.address, name="killed") as load:
        await_answers(load)
        first.kill9()
        await_answers(load)
        first.start()
        await_answers(load)
    settled(direct, load)
