"""The OTLP edge, over real connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from scorelens import conventions as names
from scorelens.v1.store_admin_pb2 import IndexerAccount, ListDeadLettersRequest
from scorelens_indexer.server import serving
from scorelens_store.contract import Record
from scorelens_store.errors import StoreDamagedError, StoreUnavailableError
from tests.scorelens_indexer.memory_store import MemoryStore
from tests.scorelens_indexer.running import Client, client_of, failure_of, running, settings_for
from tests.scorelens_indexer.spans import document, export, span
from tests.scorelens_indexer.waiting import until


@pytest.fixture
def store() -> MemoryStore:
    """Return an empty store."""
    return MemoryStore()


@pytest.fixture
def client(tmp_path: Path, store: MemoryStore) -> Iterator[Client]:
    """Run an indexer on the store."""
    with running(tmp_path, store) as client:
        yield client


def balance(account: IndexerAccount) -> None:
    """Check that the account adds up."""
    assert account.received == (
        account.stored
        + account.duplicates
        + account.forgotten
        + account.dead_letters
        + account.ignored
        + account.refused
    )


def test_the_opentelemetry_sdk_is_stored(client: Client, store: MemoryStore) -> None:
    """Spans that the official SDK makes and exports become records, and its other spans are ignored."""
    provider = TracerProvider(resource=Resource.create({names.SERVICE_NAME: "sdk", "k8s.pod.name": "p-1"}))
    exporter = OTLPSpanExporter(endpoint=client.address, insecure=True, compression=grpc.Compression.Gzip)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("mine")
    attributes: dict[str, Any] = {
        names.RECORD: "document",
        names.DOCUMENT_ID: "d-1",
        names.DOCUMENT_TEXT: "text",
        names.TAG_IDS: ["a", "b"],
        names.TAG_PROBABILITIES: [1, 0],
        names.TAG_SELECTED: [True, False],
    }
    with tracer.start_as_current_span("parent"), tracer.start_as_current_span("score", attributes=attributes) as one:
        one.add_event(
            names.CALCULATION_EVENT,
            {
                names.CALCULATION_TAG: "a",
                names.EXPLANATION: "approximate",
                names.TERM_FEATURES: ["x"],
                names.TERM_VALUES: [1],
                names.TERM_COEFFICIENTS: [0],
                names.TERM_CONTRIBUTIONS: [0.5],
                names.MARGIN: 3,
                names.LINK: "own",
                names.PROBABILITY: 1,
                names.THRESHOLD: 0.5,
                names.SELECTED: True,
            },
        )
    provider.force_flush()
    provider.shutdown()
    [record] = store.records.values()
    assert record["score"] == {"a": 1.0, "b": 0.0}
    assert record["because"] == ["a:x"]
    assert record["service"]["name"] == "sdk"
    assert record["resource"]["k8s.pod.name"] == "p-1"
    assert record["trace"]["id"] == f"{one.get_span_context().trace_id:032x}"
    account = client.account()
    assert (account.received, account.stored, account.ignored) == (2, 1, 1)


def test_resends_are_duplicates(client: Client, store: MemoryStore) -> None:
    """The same export sent again changes nothing and is acknowledged."""
    request = export(*map(document, range(10)))
    for _ in range(3):
        assert not client.export(request).HasField("partial_success")
    account = client.account()
    assert (account.received, account.stored, account.duplicates) == (30, 10, 20)
    assert len(store.records) == 10


def test_one_bad_span_among_a_thousand(client: Client, store: MemoryStore) -> None:
    """The others are stored; the bad one is named in the partial success and listed, once however often it comes."""
    spans = [document(number) for number in range(1, 1001)]
    spans[500] = document(501, {names.TAG_PROBABILITIES: [0.5, 0.5, 0.5]})
    for _ in range(2):
        partial = client.export(export(*spans)).partial_success
        assert partial.rejected_spans == 1
        assert "scorelens.tag.probability has 3 values where scorelens.tag.id has 2" in partial.error_message
    assert len(store.records) == 999
    [letter] = client.admin.ListDeadLetters(ListDeadLettersRequest()).dead_letters
    assert letter.document_id == "d-501"
    assert letter.reason.startswith("scorelens.tag.probability")
    assert letter.trace_id == f"{501:032x}"
    assert letter.span_id == f"{501:016x}"
    account = client.account()
    assert (account.dead_letters, account.stored, account.duplicates) == (1, 999, 1000)
    balance(account)


def test_what_the_store_rejects_is_a_dead_letter(client: Client, store: MemoryStore) -> None:
    """A record that the store can never hold is put aside with the store's reason."""

    def reject(record: Record) -> str:
        return "field x is too long" if record["document"]["id"] == "d-2" else ""

    store.reject = reject
    partial = client.export(export(*map(document, range(4)))).partial_success
    assert partial.rejected_spans == 1
    [letter] = client.admin.ListDeadLetters(ListDeadLettersRequest()).dead_letters
    assert (letter.document_id, letter.reason) == ("d-2", "field x is too long")
    balance(client.account())


@pytest.mark.parametrize("fault", [StoreUnavailableError("the store is away", 2.5), StoreDamagedError("segment 7")])
def test_a_store_that_is_away(client: Client, store: MemoryStore, fault: Exception) -> None:
    """The sender is told to keep its spans and when to try again, nothing is lost, and the account says so."""
    store.fault = fault
    bad = document(9, {names.TAG_SELECTED: None})
    refused = failure_of(lambda: client.export(export(document(1), bad, span({}))))
    assert refused.code is grpc.StatusCode.UNAVAILABLE
    assert refused.retry_after in (2.5, 30.0)
    account = client.account()
    assert (account.received, account.refused, account.dead_letters) == (3, 3, 0)
    assert not account.store_available
    store.fault = None
    client.export(export(document(1), bad, span({})))
    account = client.account()
    assert (account.stored, account.dead_letters, account.ignored, account.store_available) == (1, 1, 1, True)
    balance(account)


def test_an_unknown_failure_says_nothing_of_its_cause(client: Client, store: MemoryStore) -> None:
    """An exception that nobody foresaw is INTERNAL with a fixed text, and its spans count as refused."""
    store.fault = ZeroDivisionError("secret")
    failed = failure_of(lambda: client.export(export(document(1))))
    assert failed.code is grpc.StatusCode.INTERNAL
    assert "secret" not in failed.details
    assert client.account().refused == 1


@pytest.mark.parametrize(
    "request_bytes", [b"\xff\xff\xff", b"\x0a\x05hello", export(document(1)).SerializeToString()[:-5]]
)
def test_malformed_requests(client: Client, request_bytes: bytes) -> None:
    """What is not OTLP is INVALID_ARGUMENT, and the next export works."""
    refused = failure_of(lambda: client.export_bytes(request_bytes))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "ExportTraceServiceRequest" in refused.details
    client.export(export(document(1)))
    assert client.account().received == 1


def test_invalid_utf8_costs_the_span_alone(client: Client, store: MemoryStore) -> None:
    """A text that is not UTF-8 is no OTLP: its span is put aside, and the others of its export are stored."""
    spans = document(1), document(2, {names.DOCUMENT_TEXT: "MARK"})
    request = export(*spans).SerializeToString().replace(b"MARK", b"\xff\xfeRK")
    answer = ExportTraceServiceResponse.FromString(client.export_bytes(request))
    assert answer.partial_success.rejected_spans == 1
    assert "one of the span's attributes is not an attribute of OTLP" in answer.partial_success.error_message
    assert len(store.records) == 1


def test_invalid_utf8_of_a_resource_is_malformed(client: Client) -> None:
    """A resource whose text is not UTF-8 makes the whole export unreadable."""
    request = export(document(1), resource={"host.name": "MARK"}).SerializeToString().replace(b"MARK", b"\xff\xfeRK")
    refused = failure_of(lambda: client.export_bytes(request))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT


def test_an_empty_export_is_acknowledged(client: Client) -> None:
    """A request without spans is answered at once."""
    assert not client.export(export()).HasField("partial_success")
    assert client.account().received == 0


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_compression_and_size_limit(tmp_path: Path, store: MemoryStore, compression: grpc.Compression) -> None:
    """Compressed or not, an export within the limit is stored and a larger one asks the sender to split it."""
    with running(tmp_path, store, max_message="64KiB") as client:
        client.export(export(document(1, {names.DOCUMENT_TEXT: "x" * 50_000})), compression=compression)
        assert len(store.records) == 1
        refused = failure_of(
            lambda: client.export(export(document(2, {names.DOCUMENT_TEXT: "x" * 70_000})), compression=compression)
        )
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.retry_after is None


def test_beyond_the_bounds_senders_wait(tmp_path: Path, store: MemoryStore) -> None:
    """While the store holds all that may wait, more is refused with a time to wait, and health still answers."""
    store.gate.clear()
    with running(tmp_path, store, waiting_exports="2") as client, ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(client.export, export(document(number))) for number in (1, 2, 3)]
        until(lambda: any(call.done() for call in calls))
        [beyond] = [call for call in calls if call.done()]
        refused = failure_of(beyond.result)
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.retry_after
        health = health_pb2_grpc.HealthStub(client.channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        store.gate.set()
        for call in calls:
            if call is not beyond:
                call.result(30)
        account = client.account()
        assert (account.stored, account.refused) == (2, 1)
        balance(account)


def test_concurrent_exports(client: Client, store: MemoryStore) -> None:
    """Exports of many senders at once, half of them overlapping, are all stored once and all counted."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda first: client.export(export(*map(document, range(first, first + 20)))), range(0, 400, 10)))
    assert len(store.records) == 410
    account = client.account()
    assert (account.received, account.stored, account.duplicates) == (800, 410, 390)


def test_draining_answers_what_came_in(tmp_path: Path, store: MemoryStore) -> None:
    """An export that waits for the store when the indexer is told to end is stored and answered."""
    store.gate.clear()
    answers = []
    with ExitStack() as stack:
        with serving(settings_for(tmp_path), lambda: store) as (server, _):
            client = stack.enter_context(client_of(server.address))
            sender = threading.Thread(target=lambda: answers.append(client.export(export(document(1)))))
            sender.start()
            assert store.waiting.wait(30)
            threading.Timer(0.2, store.gate.set).start()
        sender.join(30)
    assert len(answers) == len(store.records) == 1
    assert store.closed


def test_connections_end_at_their_age(tmp_path: Path, store: MemoryStore) -> None:
    """A sender's connection ends without an error at the age of the setting, and the next export connects anew."""
    with running(tmp_path, store, max_connection_age="100ms") as client:
        states: list[grpc.ChannelConnectivity] = []
        client.channel.subscribe(states.append)
        client.export(export(document(1)))
        until(lambda: states[-1] is grpc.ChannelConnectivity.IDLE and grpc.ChannelConnectivity.READY in states)
        client.export(export(document(2)))
    assert len(store.records) == 2
