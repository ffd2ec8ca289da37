"""What the Elasticsearch store makes of a server's answers: nothing lost, nothing twice, each record counted once."""

from __future__ import annotations

import itertools
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from scorelens_runtime.errors import SettingError
from scorelens_store.contract import Outcome, PutResult, Record, Selection
from scorelens_store.elasticsearch import ElasticsearchStore, open_store
from scorelens_store.errors import PartUnavailableError, StoreUnavailableError
from scorelens_store.fields import FIELDS
from scorelens_store.open import is_url
from scorelens_store.query.tree import Any as AnyOf
from scorelens_store.query.tree import Equals, Everything
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import make
from tests.tools import spoiling
from tests.tools.proxy import Answer, Fault, Passing, Proxy, passing, proxied

BLOCKED = {"type": "cluster_block_exception", "reason": "index [x] blocked by: [FORBIDDEN/8/index write (api)];"}
SAME_DAY = {"@timestamp": "2026-11-22T10:00:00Z"}
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def proxy(elasticsearch_url: str) -> Iterator[Proxy]:
    """A proxy in front of the shared server."""
    with proxied(elasticsearch_url) as running:
        yield running


@pytest.fixture(scope="module")
def prefix(proxy: Proxy) -> Iterator[str]:
    """A prefix for the tests of this file; each has records of its own."""
    name = f"writer-{secrets.token_hex(6)}"
    yield name
    drop(proxy.upstream, name)


@pytest.fixture(scope="module")
def opened(proxy: Proxy, prefix: str) -> Iterator[ElasticsearchStore]:
    """A store behind the proxy."""
    with closing(open_store(proxy.url, prefix=prefix, replicas="0")) as store:
        yield store


@pytest.fixture
def store(opened: ElasticsearchStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[ElasticsearchStore]:
    """The store, with short pauses; what spoils answers ends with the test."""
    monkeypatch.setattr("scorelens_store.elasticsearch.bulk._FIRST_PAUSE", 0.01)
    yield opened
    proxy.fault = passing


@pytest.fixture
def records() -> list[Record]:
    """Sixty records that no other test has."""
    return some_records(60)


def some_records(count: int, **parts: Any) -> list[Record]:
    """Return records that were never there."""
    return [make(next(NUMBERS), **SAME_DAY, **parts) for _ in range(count)]


def found(store: ElasticsearchStore, records: list[Record]) -> int:
    """Count the documents that the server has of some records."""
    return store.count(
        Selection(AnyOf(tuple(Equals(FIELDS["record.id"], record["record"]["id"]) for record in records)), purposes=())
    )


def outcomes(results: list[PutResult]) -> Counter[Outcome]:
    """Count the outcomes of a put."""
    return Counter(result.outcome for result in results)


@pytest.mark.parametrize(
    "fault",
    [
        spoiling.sometimes(spoiling.overloaded, 2),
        spoiling.bulk(spoiling.spoiled_items(429, spoiling.REJECTED)),
        spoiling.bulk(spoiling.spoiled_items(500, {"type": "i_o_exception", "reason": "disk"})),
        spoiling.bulk(spoiling.spoiled_items(503, {"type": "no_shard_available_action_exception", "reason": "none"})),
    ],
    ids=["whole 429", "single 429", "single 500", "single 503"],
)
def test_what_there_is_no_room_for_is_sent_again(
    proxy: Proxy, store: ElasticsearchStore, records: list[Record], fault: Fault
) -> None:
    """Requests and single records that are refused for now are stored by the same put, each once."""
    proxy.fault = fault
    assert outcomes(store.put(records)) == {Outcome.STORED: 60}
    assert outcomes(store.put(records)) == {Outcome.DUPLICATE: 60}
    assert found(store, records) == 60


def test_a_server_that_asks_for_a_pause_gets_it(proxy: Proxy, store: ElasticsearchStore, records: list[Record]) -> None:
    """Retry-After becomes the pause that the sender is asked for; a date in it, too, and nonsense is passed over."""
    for value, least, most in (("120", 120, 120), ("Sat, 01 Jan 2050 00:00:00 GMT", 300, 300), ("soon", 0, 5)):
        proxy.fault = lambda _, value=value: spoiling.refusal(429, spoiling.REJECTED, retry_after=value)  # type: ignore[misc]
        with pytest.raises(StoreUnavailableError, match="overloaded") as caught:
            store.put(records)
        assert least <= caught.value.retry_after <= most


@pytest.mark.parametrize(
    "fault",
    [
        spoiling.cut_off,
        spoiling.unanswered,
        spoiling.changed(lambda body: {"items": body["items"][1:]}),
        spoiling.changed(lambda body: {"items": [{"create": each} for each in body["items"]]}),
        spoiling.changed(lambda body: {"items": [1, *body["items"][1:]]}),
        spoiling.changed(lambda body: [body]),
        lambda request: replace(request.forward(), body=b"<html>out of order</html>"),
        lambda request: [request.forward(), Answer(502, b"<html>bad gateway</html>")][1],
        lambda request: [request.forward(), Answer(200, b"", {"Content-Type": "application/json"})][1],
        spoiling.bulk(spoiling.spoiled_items(429, spoiling.REJECTED, every=1)),
        spoiling.signed_out,
    ],
    ids=[
        "cut off",
        "no answer",
        "one result too few",
        "no status",
        "no result",
        "a list",
        "no JSON",
        "bad gateway",
        "empty",
        "no room for long",
        "signed out",
    ],
)
def test_a_put_whose_outcome_is_unknown_is_put_again_and_counted_once(
    proxy: Proxy, store: ElasticsearchStore, records: list[Record], fault: Fault
) -> None:
    """Whatever the answer is spoiled by, the put fails as a whole; put again, each record counts as stored once."""
    assert outcomes(store.put(records[:5])) == {Outcome.STORED: 5}
    proxy.fault = spoiling.bulk(fault)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match=str(proxy.server_port)) as caught:
            store.put(records)
        assert len(str(caught.value)) < 500
    proxy.fault = passing
    assert outcomes(store.put(records)) == {Outcome.STORED: 55, Outcome.DUPLICATE: 5}
    assert outcomes(store.put(records)) == {Outcome.DUPLICATE: 60}
    assert found(store, records) == 60


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "cluster_block_exception"), (404, "index_not_found_exception"), (503, "unavailable_shards_exception")],
)
def test_records_of_a_period_that_takes_none_hold_up_no_other(
    proxy: Proxy, store: ElasticsearchStore, records: list[Record], status: int, kind: str
) -> None:
    """What is only said of some records is said to the caller, so that it puts the others apart; they are stored."""
    blocked = spoiling.spoiled_items(status, {"type": kind, "reason": "index [x] blocked by: [FORBIDDEN/8/...]"})
    proxy.fault = spoiling.bulk(blocked)
    with pytest.raises(PartUnavailableError):
        store.put(records)
    proxy.fault = passing
    assert found(store, records) == 40
    assert outcomes(store.put(records)) == {Outcome.STORED: 60}
    assert found(store, records) == 60


def test_a_record_that_the_server_stumbles_over_is_put_aside(
    proxy: Proxy, store: ElasticsearchStore, records: list[Record]
) -> None:
    """A fault of the server that one record brings about each time rejects it, since it would hold all others up."""
    proxy.fault = spoiling.bulk(spoiling.spoiled_items(500, {"type": "null_pointer_exception", "reason": "it is null"}))
    results = store.put(records)
    assert outcomes(results) == {Outcome.STORED: 40, Outcome.REJECTED: 20}
    assert {result.reason for result in results if result.outcome is Outcome.REJECTED} == {"it is null"}


def test_requests_become_smaller_where_the_server_takes_no_larger_ones(proxy: Proxy, store: ElasticsearchStore) -> None:
    """A server with little memory gets all records in requests that it takes, and the next put begins with such."""
    sizes: list[int] = []

    def small(request: Passing) -> Answer:
        sizes.append(len(request.body))
        return request.forward() if len(request.body) <= 200_000 else spoiling.overloaded(request)

    proxy.fault = spoiling.bulk(small)
    document = {"id": "d", "kind": "blog", "text": "word " * 5000, "length": 25_000}
    records = some_records(96, document=document)
    with closing(open_store(proxy.url, prefix=store.settings.prefix, replicas="0")) as own:
        assert outcomes(own.put(records[:48])) == {Outcome.STORED: 48}
        first = sizes[0]
        sizes.clear()
        assert outcomes(own.put(records[48:])) == {Outcome.STORED: 48}
    assert max(sizes) < first / 2
    assert found(store, records) == 96


def test_a_record_larger_than_the_server_takes_is_named_by_size_and_setting(
    proxy: Proxy, store: ElasticsearchStore
) -> None:
    """One record above the limit is rejected with its size and the setting; those beside it are stored."""
    proxy.fault = lambda request: Answer(413) if len(request.body) > 100_000 else request.forward()
    records = some_records(8)
    records[5]["document"]["text"] = "word " * 40_000
    results = store.put(records)
    assert [number for number, result in enumerate(results) if result.outcome is not Outcome.STORED] == [5]
    assert "http.max_content_length" in results[5].reason
    assert any(int(word) > 200_000 for word in results[5].reason.split() if word.isdecimal())


def test_several_writers_store_each_record_once(elasticsearch_url: str, records: list[Record]) -> None:
    """Several processes that begin at once on nothing, with the same records, count each as stored exactly once."""
    begin, prefix = threading.Barrier(3), f"writers-{secrets.token_hex(6)}"
    results: list[list[PutResult]] = []

    def write() -> None:
        with closing(open_store(elasticsearch_url, prefix=prefix, replicas="0", period="month")) as own:
            begin.wait()
            results.extend(own.put(records[start : start + 20]) for start in (0, 20, 40))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes([result for some in results for result in some]) == {Outcome.STORED: 60, Outcome.DUPLICATE: 120}
    with closing(open_store(elasticsearch_url, prefix=prefix, period="month")) as store:
        assert found(store, records) == 60
    drop(elasticsearch_url, prefix)


def test_what_another_process_forgets_during_a_put_is_not_stored(
    proxy: Proxy, store: ElasticsearchStore, records: list[Record]
) -> None:
    """A tombstone that comes between a put's look for tombstones and its records keeps them out all the same."""
    with closing(open_store(proxy.upstream, prefix=store.settings.prefix, replicas="0")) as other:

        def late(request: Passing) -> Answer:
            proxy.fault = passing
            assert other.forget(document_ids=[records[3]["document"]["id"], records[7]["document"]["id"]]) == 0
            return request.forward()

        proxy.fault = spoiling.bulk(late)
        results = store.put(records)
        assert [number for number, each in enumerate(results) if each.outcome is Outcome.FORGOTTEN] == [3, 7]
        assert found(other, records) == 58
        assert outcomes(store.put(records)) == {Outcome.DUPLICATE: 58, Outcome.FORGOTTEN: 2}


def test_what_was_forgotten_during_a_put_that_then_fails_does_not_stay(
    proxy: Proxy, store: ElasticsearchStore, records: list[Record]
) -> None:
    """Where what came too late cannot be removed at once, as while writes are blocked, putting it again removes it."""
    with closing(open_store(proxy.upstream, prefix=store.settings.prefix, replicas="0")) as other:

        def late(request: Passing) -> Answer:
            proxy.fault = spoiling.bulk(lambda _: spoiling.refusal(403, BLOCKED))
            assert other.forget(record_ids=[records[3]["record"]["id"]]) == 0
            return request.forward()

        proxy.fault = spoiling.bulk(late)
        with pytest.raises(StoreUnavailableError, match="takes no writes"):
            store.put(records)
        assert found(other, records) == 60
        proxy.fault = passing
        assert outcomes(store.put(records)) == {Outcome.STORED: 59, Outcome.FORGOTTEN: 1}
        assert found(other, records) == 59


def test_a_server_of_several_that_is_away_is_passed_over(
    proxy: Proxy, store: ElasticsearchStore, records: list[Record]
) -> None:
    """With one address dead and another slow to break, reads and writes go on over the rest, and count once."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = f"http://127.0.0.1:{free.getsockname()[1]}"
    proxy.fault = spoiling.bulk(spoiling.unanswered)
    urls = f"{dead},{proxy.url}, {proxy.upstream}"
    assert is_url(urls)
    ids = [record["record"]["id"] for record in records]
    with closing(open_store(urls, prefix=store.settings.prefix, replicas="0")) as several:
        for start in range(0, 60, 6):
            assert outcomes(several.put(records[start : start + 6])) == {Outcome.STORED: 6}
            assert found(several, records) == start + 6
            assert several.get(ids[start]) is not None
        assert set(ids) <= {record["record"]["id"] for record in several.scan(Selection(Everything()))}
        assert several.forget(record_ids=ids[:2]) == 2
        assert several.describe() == f"elasticsearch, {dead}, {proxy.url}, {proxy.upstream}"


def test_an_error_names_the_server_that_it_comes_from(proxy: Proxy, store: ElasticsearchStore) -> None:
    """Of several addresses the one that failed last is named, and no other."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        ports = [free.getsockname()[1]]
    proxy.fault = spoiling.signed_out
    with (
        closing(open_store(f"http://127.0.0.1:{ports[0]},{proxy.url}")) as both,
        pytest.raises(StoreUnavailableError, match="refuses the credentials") as caught,
    ):
        both.count(Selection(Everything()))
    assert str(proxy.server_port) in str(caught.value)
    assert str(ports[0]) not in str(caught.value)


@pytest.mark.parametrize(
    "urls",
    [
        "http://a:9200,https://b:9200",
        "http://a:9200,",
        "http://a:9200,b:9200",
        "http://u:p@a:9200,http://v:p@b:9200",
        "http://a:9200/x?y",
        "http://",
    ],
)
def test_addresses_that_cannot_be_are_refused(urls: str) -> None:
    """A list of addresses that is wrong is said to be so at once, without what is secret in it."""
    with pytest.raises(SettingError, match="address") as caught:
        open_store(urls)
    assert ":p@" not in str(caught.value)


def test_credentials_and_paths_of_several_addresses() -> None:
    """A password may hold a comma; the name and password of one address hold for all; equal addresses are one."""
    with closing(open_store("http://u:p,w@a/es/,http://b:1,http://b:1")) as store:
        assert store.describe() == "elasticsearch, http://a:9200/es, http://b:1"


def test_a_server_that_is_switched_off_is_given_up_soon(
    elasticsearch_url: str, prefix: str, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes no connection at all is passed over long before the time that a request may take."""
    monkeypatch.setattr("scorelens_store.elasticsearch.nodes._CONNECT_LIMIT", 0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        held = [socket.socket() for _ in range(4)]  # more than wait in its queue, so that nobody else gets in
        for each in held:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        with closing(open_store(f"{url},{elasticsearch_url}", prefix=prefix, replicas="0")) as several:
            begun = time.monotonic()
            for start in range(0, 8, 2):
                assert outcomes(several.put(records[start : start + 2])) == {Outcome.STORED: 2}
            assert time.monotonic() - begun < several.settings.timeout
        for each in held:
            each.close()
