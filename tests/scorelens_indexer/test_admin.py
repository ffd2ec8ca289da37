"""StoreAdmin, over real connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from scorelens import conventions as names
from scorelens.v1 import store_admin_pb2 as messages
from scorelens_store.errors import StoreUnavailableError
from tests.scorelens_indexer.memory_store import MemoryStore
from tests.scorelens_indexer.running import Client, failure_of, running
from tests.scorelens_indexer.spans import document, export


@pytest.fixture
def store() -> MemoryStore:
    """Return an empty store."""
    return MemoryStore()


@pytest.fixture
def client(tmp_path: Path, store: MemoryStore) -> Iterator[Client]:
    """Run an indexer that has stored three documents."""
    with running(tmp_path, store) as client:
        client.export(export(*(document(number, {names.CUSTOMER_ID: f"c-{number}"}) for number in (1, 2, 3))))
        yield client


def annotate(client: Client, record_id: str, labels: dict[str, Any]) -> None:
    """Add labels."""
    struct = ParseDict(labels, Struct())
    client.admin.Annotate(messages.AnnotateRequest(record_id=record_id, labels=struct), timeout=30)


def test_labels_are_added(client: Client, store: MemoryStore) -> None:
    """Labels of every kind reach the record, whole numbers as such, and replace those of the same name."""
    record_id = next(iter(store.records))
    annotate(client, record_id, {"verdict": "wrong", "rating": 3, "share": 0.5, "sure": False})
    annotate(client, record_id, {"verdict": "right"})
    labels = store.records[record_id]["labels"]
    assert json.dumps(labels, sort_keys=True) == '{"rating": 3, "share": 0.5, "sure": false, "verdict": "right"}'


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({}, "labels is empty"),
        ({"Two Words": 1}, "'Two Words'"),
        ({"": 1}, "labels: the name ''"),
        ({"a" * 65: 1}, "1 to 64"),
        ({"a": None}, "a must be a string"),
        ({"a": [1]}, "a must be a string"),
        ({"a": {"b": 1}}, "a must be a string"),
        ({"a": "x" * 9000}, "a is longer than"),
    ],
)
def test_wrong_labels_are_named(client: Client, store: MemoryStore, labels: dict[str, Any], said: str) -> None:
    """A label that cannot be kept is INVALID_ARGUMENT with its name, and none of the request is kept."""
    record_id = next(iter(store.records))
    refused = failure_of(lambda: annotate(client, record_id, {**labels, **({"good": 1} if labels else {})}))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert said in refused.details
    assert store.records[record_id]["labels"] == {}


def test_labels_that_are_no_number_are_named(client: Client, store: MemoryStore) -> None:
    """A label that JSON cannot hold is refused."""
    request = messages.AnnotateRequest(record_id=next(iter(store.records)))
    request.labels.fields["a"].number_value = float("nan")
    with pytest.raises(grpc.RpcError, match="a must be a string, a finite number or a boolean"):
        client.admin.Annotate(request)


@pytest.mark.parametrize(
    ("record_id", "code"), [("", grpc.StatusCode.INVALID_ARGUMENT), ("0" * 32, grpc.StatusCode.NOT_FOUND)]
)
def test_records_that_are_not_there(client: Client, record_id: str, code: grpc.StatusCode) -> None:
    """A label for no record, or for one that does not exist, is told apart."""
    refused = failure_of(lambda: annotate(client, record_id, {"a": 1}))
    assert refused.code is code
    assert "record" in refused.details


@pytest.mark.parametrize("field", ["record_ids", "document_ids", "customer_ids"])
def test_forgetting(client: Client, store: MemoryStore, field: str) -> None:
    """What is forgotten is gone, does not come back with a resend, and is counted."""
    value = {"record_ids": next(iter(store.records)), "document_ids": "d-1", "customer_ids": "c-1"}[field]
    assert client.admin.Forget(messages.ForgetRequest(**{field: [value]})).records == 1
    client.export(export(document(1)))
    assert len(store.records) == 2
    assert client.account().forgotten == 1


def test_forgetting_reaches_dead_letters(client: Client, tmp_path: Path) -> None:
    """A forgotten customer's spans are gone from the dead letters as well."""
    bad = document(7, {names.CUSTOMER_ID: "c-7", names.TAG_SELECTED: None, names.DOCUMENT_TEXT: "private"})
    client.export(export(bad))
    assert b"c-7" in (tmp_path / "dead-letters.jsonl").read_bytes()
    client.admin.Forget(messages.ForgetRequest(customer_ids=["c-7"]))
    assert b"c-7" not in (tmp_path / "dead-letters.jsonl").read_bytes()
    assert not client.admin.ListDeadLetters(messages.ListDeadLettersRequest()).dead_letters


def test_purging_tells_how_far_it_is(client: Client, store: MemoryStore) -> None:
    """The store's files are cleared step by step; a store that is away says so as everywhere else."""
    steps = [(step.done, step.total) for step in client.admin.Purge(messages.PurgeRequest())]
    assert steps == [(1, 2), (2, 2)]
    assert store.purged
    store.fault = StoreUnavailableError("the store is away")
    refused = failure_of(lambda: list(client.admin.Purge(messages.PurgeRequest())))
    assert refused.code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "request_",
    [
        messages.ForgetRequest(),
        messages.ForgetRequest(record_ids=["a"], customer_ids=["b"]),
        messages.ForgetRequest(customer_ids=["c-1", ""]),
    ],
)
def test_unclear_forgetting_is_refused(client: Client, store: MemoryStore, request_: messages.ForgetRequest) -> None:
    """A request that does not say exactly what to forget, or would forget all that has no name, removes nothing."""
    refused = failure_of(lambda: client.admin.Forget(request_))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "_ids" in refused.details
    assert len(store.records) == 3


def test_a_store_that_is_away(client: Client, store: MemoryStore) -> None:
    """Changes are UNAVAILABLE while the store is away; account and dead letters still answer."""
    store.fault = StoreUnavailableError("the store is away")
    refused = failure_of(lambda: annotate(client, next(iter(store.records)), {"a": 1}))
    assert refused.code is grpc.StatusCode.UNAVAILABLE
    assert not client.account().store_available
    assert not client.admin.ListDeadLetters(messages.ListDeadLettersRequest()).dead_letters


def test_dead_letters_are_limited(client: Client) -> None:
    """The newest dead letters are listed, at most as many as asked for."""
    for number in range(10, 15):
        client.export(export(document(number, {names.TAG_SELECTED: None})))
    letters = client.admin.ListDeadLetters(messages.ListDeadLettersRequest(limit=2)).dead_letters
    assert [letter.document_id for letter in letters] == ["d-14", "d-13"]
    assert len(client.admin.ListDeadLetters(messages.ListDeadLettersRequest()).dead_letters) == 5


def test_hostile_dead_letters_can_be_listed(client: Client) -> None:
    """Names and reasons of megabytes are cut in the answer to their sender, and in the list."""
    answer = client.export(export(document(1, {names.RECORD: "r" * 5_000_000})))
    assert len(answer.partial_success.error_message) < 2000
    for number in range(2, 8):
        client.export(export(document(number, {names.DOCUMENT_ID: "d" * 5_000_000, names.TAG_SELECTED: 1})))
    listed = client.admin.ListDeadLetters(messages.ListDeadLettersRequest()).dead_letters
    assert len(listed) == 7
    assert {len(letter.document_id) for letter in listed[:-1]} == {1000}


def test_reflection_lists_the_services(client: Client) -> None:
    """Any gRPC client can discover both services."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    [answer] = stub.ServerReflectionInfo(iter([request]))
    listed = {service.name for service in answer.list_services_response.service}
    assert {"scorelens.v1.StoreAdmin", "opentelemetry.proto.collector.trace.v1.TraceService"} <= listed
