"""What the Elasticsearch store does when its server dies, goes away, turns read-only or refuses a record."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from scorelens_store.contract import Outcome, Selection
from scorelens_store.elasticsearch import ElasticsearchStore, open_store
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.records import make, record_id
from tests.tools.elasticsearch import ElasticsearchServer

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
SAME_DAY = {"@timestamp": "2026-11-22T10:00:00Z"}
BATCH = 20


@pytest.fixture
def server(own_elasticsearch: ElasticsearchServer) -> ElasticsearchServer:
    """A server that runs when the test begins, whatever the one before did to it."""
    if not own_elasticsearch.answers():
        own_elasticsearch.restart()
    return own_elasticsearch


@pytest.fixture
def store(server: ElasticsearchServer) -> Iterator[ElasticsearchStore]:
    """An empty store."""
    opened = open_store(server.url, prefix=f"fault-{secrets.token_hex(6)}")
    yield opened
    opened.close()


def test_kill_9_loses_nothing_acknowledged_and_doubles_nothing(
    server: ElasticsearchServer, store: ElasticsearchStore
) -> None:
    """Killed in the middle of puts and started again, the server has every acknowledged record once, all in the end.

    A store that is opened while the server is away asks nothing of it until it is used, fails clearly until then, and
    works afterwards, with the right mapping. A scan that was under way ends with an error, never with fewer records.
    """
    begun = _begin_scan(server)
    acknowledged: list[str] = []
    unavailable: list[StoreUnavailableError] = []
    enough, ended = threading.Event(), threading.Event()

    def put_all() -> None:
        for start in range(0, 40 * BATCH, BATCH):
            records = [make(number) for number in range(start, start + BATCH)]
            while not _put(store, records, unavailable) and not ended.wait(0.05):
                pass
            acknowledged.extend(record["record"]["id"] for record in records)
            if start >= 5 * BATCH:
                enough.set()

    writer = threading.Thread(target=put_all, daemon=True)
    writer.start()
    assert enough.wait(60)
    server.kill9()
    known = list(acknowledged)
    _until(lambda: len(unavailable) > 0)
    early = _open_while_away(server)
    server.start()
    _works(early)
    _until(lambda: _can_scan(store))
    with pytest.raises(StoreUnavailableError, match="read it again from the beginning"):
        list(begun)
    found = [record["record"]["id"] for record in store.scan(EVERYTHING)]
    assert set(known) <= set(found)
    writer.join(120)
    ended.set()
    found = [record["record"]["id"] for record in store.scan(EVERYTHING)]
    assert len(found) == len(set(found)) == 40 * BATCH
    assert store.count(EVERYTHING) == 40 * BATCH


def _can_scan(store: ElasticsearchStore) -> bool:
    """Tell whether no shard of the restarted server is missing any more."""
    try:
        next(store.scan(EVERYTHING))
    except StoreUnavailableError:
        return False
    return True


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    """A request that gets no answer ends with its timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_store(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
        with pytest.raises(StoreUnavailableError, match="did not answer in time"):
            store.put([make(1)])
        store.close()


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "405 Method Not Allowed"])
def test_something_else_at_the_address_is_unavailable(status: str) -> None:
    """What answers and is not Elasticsearch is never taken for an empty store."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_hello, args=(listener, status), daemon=True)
        thread.start()
        store = open_store(f"http://127.0.0.1:{listener.getsockname()[1]}")
        for attempt in (lambda: store.put([make(1)]), lambda: store.get(record_id(1))):
            with pytest.raises(StoreUnavailableError, match=r"not Elasticsearch|answers 405"):
                attempt()
        store.close()


@pytest.mark.parametrize(
    "bad",
    [
        {"trace": "not an object"},
        {"rpc": [{"method": {}}, 1]},
    ],
    ids=["text for an object", "mixed"],
)
def test_one_bad_record_among_a_thousand_is_refused_alone(store: ElasticsearchStore, bad: dict[str, object]) -> None:
    """A record that the mapping refuses is rejected with the server's reason; the others are stored."""
    records = [make(number) for number in range(1000)]
    records[617] |= bad
    results = store.put(records)
    assert [result.outcome for result in results].count(Outcome.STORED) == 999
    assert results[617].outcome is Outcome.REJECTED
    assert results[617].reason
    assert store.count(EVERYTHING) == 999


@pytest.mark.parametrize(
    ("block", "said"),
    [("write", "takes no writes"), ("read_only", "is read-only"), ("read_only_allow_delete", "is read-only")],
)
def test_a_read_only_index_is_unavailable_and_works_again_later(
    store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch, block: str, said: str
) -> None:
    """An index that takes no writes, as one on a full disk, refuses nothing for good; reading goes on."""
    store.put([make(1)])
    (index,) = store._indices()
    _set_block(store, index, block, True)
    with pytest.raises(StoreUnavailableError, match=said) as caught:
        store.put([make(1), make(2)])
    assert caught.value.retry_after >= 1
    monkeypatch.setattr("scorelens_store.elasticsearch.store._BLOCKED", 0.0)
    with pytest.raises(StoreUnavailableError, match=said):
        store.annotate(record_id(1), {"verdict": "right"})
    assert store.count(EVERYTHING) == 1
    _set_block(store, index, block, None)
    assert [result.outcome for result in store.put([make(1), make(2)])] == [Outcome.DUPLICATE, Outcome.STORED]


def test_a_closed_index_is_unavailable(store: ElasticsearchStore) -> None:
    """What an administrator closed refuses no record for good."""
    store.put([make(1)])
    (index,) = store._indices()
    store._connection.change("POST", f"/{index}/_close")
    with pytest.raises(StoreUnavailableError):
        store.put([make(1)])
    store._connection.change("POST", f"/{index}/_open?wait_for_active_shards=1")
    assert [result.outcome for result in store.put([make(1)])] == [Outcome.DUPLICATE]


def test_a_full_cluster_is_unavailable(server: ElasticsearchServer, store: ElasticsearchStore) -> None:
    """Where no further index may be made, records are kept by their sender instead of being refused for good."""
    store.put([make(1)])
    limit = {"persistent": {"cluster.max_shards_per_node": 1}}
    store._connection.change("PUT", "/_cluster/settings", limit)
    with pytest.raises(StoreUnavailableError):
        store.put([make(2, **{"@timestamp": "2031-01-01T00:00:00Z"})])
    store._connection.change("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": None}})
    results = store.put([make(2, **{"@timestamp": "2031-01-01T00:00:00Z"})])
    assert [result.outcome for result in results] == [Outcome.STORED]


def test_odd_ids_and_dates_are_stored_as_any_other(store: ElasticsearchStore) -> None:
    """An id of any characters can be labelled and forgotten; a date in a rarer shape of ISO 8601 is found."""
    odd = "a/b?c=d&e#f %2F \u00df"
    assert [
        result.outcome
        for result in store.put([make(1, record={"id": odd, "type": "document"}, **{"@timestamp": "20261122T100000Z"})])
    ] == [Outcome.STORED]
    store.annotate(odd, {"verdict": "right"})
    found = store.get(odd)
    assert found is not None
    assert found["labels"] == {"verdict": "right"}
    assert store.count(Selection(parse("time:[2026-11-22T10 TO 2026-11-22T10:00:00]"))) == 1
    assert store.forget(record_ids=[odd]) == 1


def test_another_period_under_the_same_prefix_is_refused(
    server: ElasticsearchServer, store: ElasticsearchStore
) -> None:
    """Since a record's time names its index, a changed naming would let a resend in twice; it is not let in at all."""
    store.put([make(1)])
    other = open_store(server.url, prefix=store.settings.prefix, period="month")
    with pytest.raises(StoreUnavailableError, match="SCORELENS_ELASTICSEARCH_PERIOD"):
        other.put([make(1)])
    assert other.get(record_id(1)) is not None
    other.close()


def _put(store: ElasticsearchStore, records: list[dict[str, object]], seen: list[StoreUnavailableError]) -> bool:
    try:
        results = store.put(records)
    except StoreUnavailableError as error:
        seen.append(error)
        return False
    assert {result.outcome for result in results} <= {Outcome.STORED, Outcome.DUPLICATE}
    return True


def _begin_scan(server: ElasticsearchServer) -> Iterator[dict[str, object]]:
    """Read the first page of a scan of two."""
    store = open_store(server.url, prefix=f"fault-{secrets.token_hex(6)}", period="month")
    store.put([make(number, **SAME_DAY) for number in range(1100)])
    scan = store.scan(EVERYTHING)
    next(scan)
    return scan


def _open_while_away(server: ElasticsearchServer) -> ElasticsearchStore:
    store = open_store(server.url, prefix=f"fault-{secrets.token_hex(6)}")
    assert not store.available()
    attempts: list[Callable[[], object]] = [
        lambda: store.put([make(1)]),
        lambda: store.get(record_id(1)),
        lambda: store.search(EVERYTHING),
        lambda: list(store.scan(EVERYTHING)),
        lambda: store.annotate(record_id(1), {"a": "b"}),
        lambda: store.forget(record_ids=[record_id(1)]),
    ]
    for attempt in attempts:
        with pytest.raises(StoreUnavailableError, match=str(server.port)) as caught:
            attempt()
        assert caught.value.retry_after > 0
    return store


def _works(store: ElasticsearchStore) -> None:
    assert store.available()
    assert [result.outcome for result in store.put([make(1)])] == [Outcome.STORED]
    (index,) = store._indices()
    mapping = store._connection.request("GET", f"/{index}/_mapping")[index]["mappings"]
    assert mapping["properties"]["labels"]["type"] == "flattened"
    store.close()


def _set_block(store: ElasticsearchStore, index: str, block: str, value: bool | None) -> None:
    store._connection.change("PUT", f"/{index}/_settings", {f"index.blocks.{block}": value})


def _answer_hello(listener: socket.socket, status: str) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n"
            connection.sendall(head.encode() + b"\r\n{}")


def _until(true: Callable[[], bool], limit: float = 60.0) -> None:
    waited = threading.Event()
    for _ in range(int(limit / 0.02)):
        if true():
            return
        waited.wait(0.02)
    raise AssertionError("it did not happen in time")
