"""A call's way from the caller to the store, as any gRPC client sees it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1 import scorer_pb2_grpc
from scorelens_store.contract import Record, Selection
from scorelens_store.open import open_reader
from scorelens_store.query.parse import parse
from tests.end_to_end.load import Load
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import System
from tests.scorelens_client.system import store_of
from tests.scorelens_store.conftest import SYSTEMS

FULL = (("scorelens-view", "full"),)


@pytest.fixture(scope="module", params=SYSTEMS)
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name a store of each kind."""
    yield from store_of(request.param, request)


@pytest.fixture(scope="module")
def system(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system on each kind of store for the tests of this file."""
    with System(tmp_path_factory.mktemp("path"), store) as running:
        yield running.start()


@pytest.fixture
def stub(system: System) -> Iterator[scorer_pb2_grpc.ScorerStub]:
    """A caller of the sidecar."""
    with grpc.insecure_channel(system.sidecar.address) as channel:
        yield scorer_pb2_grpc.ScorerStub(channel)


def _request(*ids: str, text: str = "good but bad") -> pb.ScoreRequest:
    return pb.ScoreRequest(documents=[pb.Document(id=name, kind="tweet", text=text) for name in ids])


def _find(system: System, query: str) -> list[Record]:
    system.settle()
    with closing(open_reader(system.store)) as reader:
        return list(reader.scan(Selection(parse(query))))


def test_a_caller_gets_calculations_only_when_it_asks(system: System, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """The answer is the same with and without calculations, and both are recorded with them."""
    lean = stub.Score(_request("lean"))
    full = stub.Score(_request("full"), metadata=FULL)
    assert not lean.HasField("calculations")
    assert full.calculations.documents[0].tags[0].terms.feature
    assert [tag.probability for tag in lean.results[0].tags] == [tag.probability for tag in full.results[0].tags]
    for name in ("lean", "full"):
        [record] = _find(system, f"id:{name}")
        assert [each["tag"] for each in record["calculation"]] == ["complaint", "praise"]
        assert record["flags"] == []


def test_a_record_can_be_found_by_words_score_and_reason(system: System, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """The text, the scores and the leading terms of one document are all ways to it."""
    stub.Score(_request("reason", text="a bad day wants its refund"))
    for query in (
        "refund AND score.complaint:>0.9 AND kind:tweet",
        'because:"complaint:refund" AND text:"bad day"',
        "tag:complaint AND refun*",
    ):
        assert "reason" in [record["document"]["id"] for record in _find(system, query)], query


def test_every_message_of_a_stream_is_recorded(system: System, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """Each document of each message of one stream is a record of its own, without calculations for the caller."""
    requests = (_request(f"stream-{number}-a", f"stream-{number}-b") for number in range(20))
    answers = list(stub.ScoreStream(requests))
    assert len(answers) == 20
    assert not any(answer.HasField("calculations") for answer in answers)
    records = _find(system, "id:stream-*")
    assert sorted((r["message"]["number"], r["document"]["number"]) for r in records) == [
        (message, document) for message in range(20) for document in range(2)
    ]
    assert len({record["trace"]["id"] for record in records}) == 1


def test_the_callers_trace_and_purpose_are_kept(system: System, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """traceparent gives the record its trace, and scorelens-purpose keeps it out of listings of production."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    metadata = (("traceparent", f"00-{trace}-b7ad6b7169203331-00"), ("scorelens-purpose", "test"))
    stub.Score(_request("traced"), metadata=metadata)
    assert _find(system, "id:traced") == []
    [record] = _find(system, "id:traced AND purpose:test")
    assert record["trace"]["id"] == trace


def test_a_call_without_a_scored_document_is_found_as_a_call(system: System, stub: scorer_pb2_grpc.ScorerStub) -> None:
    """A call to another method passes untouched and is a record of its own kind."""
    assert stub.GetModel(pb.GetModelRequest(id="words")).id == "words"
    assert [record["rpc"]["method"] for record in _find(system, "record:call")] == ["GetModel"]


def test_grpcurl_works_out_of_the_box(system: System, go_tools: Path) -> None:
    """Reflection lets grpcurl call through the sidecar, with and without calculations."""

    def call(*flags: str) -> dict[str, object]:
        data = '{"documents": [{"id": "curl", "kind": "tweet", "text": "bad"}]}'
        command = [str(go_tools / "grpcurl"), "-plaintext", *flags, "-d", data, system.sidecar.address]
        done = subprocess.run([*command, "scorelens.v1.Scorer/Score"], capture_output=True, check=True, text=True)
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    assert set(call()) == {"results"}
    assert set(call("-H", "scorelens-view: full")) == {"calculations", "results"}
    health = [str(go_tools / "grpcurl"), "-plaintext", system.sidecar.address, "grpc.health.v1.Health/Check"]
    assert "SERVING" in subprocess.run(health, capture_output=True, check=True, text=True).stdout


def test_relay_and_shipper_stay_small(tmp_path: Path) -> None:
    """Under 32 callers with answers of 6 KB, relay and shipper together hold less than 150 MB."""
    with System(tmp_path) as system:
        system.start()
        with Load(system.sidecar.address, callers=32, documents=8) as load:
            wait_until(lambda: len(load.answered) > 20_000, "20,000 documents are answered", 150)
        parts = [system.sidecar.child(f"scorelens_sidecar.{name}") for name in ("relay", "shipper")]
        assert sum(part.memory_info().rss for part in parts) < 150e6
        assert load.failed == []
