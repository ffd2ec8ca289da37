"""The scorer with many callers at once: joined batches, turns, bounds, deadlines, faults."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from scorelens.conventions import DRAINING_KEY
from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_scorer import pool
from scorelens_scorer.service import READ_AHEAD
from tests.end_to_end.processes import wait_until
from tests.scorelens_scorer import own_models
from tests.scorelens_scorer.own_models import Gated
from tests.scorelens_scorer.running import FULL, Running, serving

Code = grpc.StatusCode


@contextmanager
def gated(**settings: str) -> Iterator[tuple[Running, Gated]]:
    """Serve a model whose batches pass only when told; at the end everything passes."""
    model = own_models.gated = Gated()
    with serving(model="tests.scorelens_scorer.own_models:gated", **settings) as running:
        try:
            yield running, model
        finally:
            model.blocked.set()
            model.let()


def call(running: Running, *texts: str, timeout: float = 60, **request: Any) -> Any:
    """Score some texts without waiting for the answer."""
    documents = [Document(id=text, text=text) for text in texts]
    return running.stub.Score.future(ScoreRequest(documents=documents, **request), timeout=timeout, metadata=FULL)


def hold(running: Running, model: Gated) -> Any:
    """Keep the scorer busy with one call."""
    first = call(running, "first")
    wait_until(lambda: model.batches, "the model is at work")
    return first


def arrived(running: Running) -> None:
    """Return once everything that was sent before on the channel was taken on."""
    with pytest.raises(grpc.RpcError):
        running.stub.Score(ScoreRequest(), timeout=60)


def health(running: Running) -> int:
    """Return what the scorer says of itself."""
    status: int = HealthStub(running.channel).Check(HealthCheckRequest(), timeout=60).status
    return status


def connects(address: str) -> bool:
    """Tell whether somebody listens."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 5).close()
    except OSError:
        return False
    return True


def ids(answer: Any) -> list[str]:
    """Return whom an answer is about."""
    return [result.document_id for result in answer.result(60).results]


def test_small_requests_that_wait_are_scored_as_one_batch() -> None:
    """Calls for the same model and number of terms share a batch, and each gets its own documents' answer."""
    with gated() as (running, model):
        first = hold(running, model)
        calls = [call(running, f"{place}", f"{place}+") for place in range(8)]
        other = call(running, "other", max_terms=3)
        arrived(running)
        model.let()
        assert ids(first) == ["first"]
        assert [ids(each) for each in calls] == [[f"{place}", f"{place}+"] for place in range(8)]
        assert ids(other) == ["other"]
    assert sorted(map(len, model.batches)) == [1, 1, 16]


def test_requests_are_not_joined_where_that_is_not_wanted() -> None:
    """With --join no, each call is a batch of its own."""
    with gated(join="no") as (running, model):
        calls = [hold(running, model), *(call(running, str(place)) for place in range(4))]
        model.let()
        for each in calls:
            each.result(60)
    assert [len(batch) for batch in model.batches] == [1] * 5


def test_a_fault_is_told_only_to_the_call_that_caused_it() -> None:
    """Where a joined batch fails, its calls are scored again apart."""
    with gated() as (running, model):
        hold(running, model)
        good, bad, fine = (call(running, text) for text in ("good", "raise", "fine"))
        arrived(running)
        model.let()
        assert (ids(good), ids(fine)) == (["good"], ["fine"])
        assert bad.exception(60).code() is Code.INTERNAL
    assert ["good", "raise", "fine"] in model.batches


def test_a_call_that_blocks_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that were joined with one that blocks, and those after it, are answered by another thread."""
    monkeypatch.setattr(pool, "STUCK", 0.2)
    with gated() as (running, model):
        hold(running, model)
        good, bad = call(running, "good"), call(running, "block")
        arrived(running)
        model.let()
        assert ids(good) == ["good"]
        assert ids(call(running, "later")) == ["later"]
        assert not bad.done()
        model.blocked.set()
        assert ids(bad) == ["block"]
        assert ids(call(running, "after")) == ["after"]


def test_what_nobody_waits_for_is_not_scored() -> None:
    """A call past its deadline, and one that was cancelled, are dropped from the line."""
    with gated() as (running, model):
        first = hold(running, model)
        late, gone = call(running, "late", timeout=0.2), call(running, "gone")
        assert late.exception(60).code() is Code.DEADLINE_EXCEEDED
        arrived(running)
        gone.cancel()
        arrived(running)
        model.let()
        assert ids(first) == ["first"]
        assert ids(call(running, "next")) == ["next"]
    assert sorted(itertools.chain(*model.batches)) == ["first", "next"]


def test_where_too_much_waits_callers_are_told_when_to_come_again() -> None:
    """RESOURCE_EXHAUSTED with RetryInfo and gRPC's pushback, not for a request that comes alone, however large."""
    with gated(queue_documents="3") as (running, model):
        first = call(running, *(str(place) for place in range(5)))
        wait_until(lambda: model.batches, "the model is at work")
        refused = call(running, "refused").exception(60)
        assert refused.code() is Code.RESOURCE_EXHAUSTED
        assert "5 documents" in refused.details()
        assert "--queue-documents 3" in refused.details()
        metadata = dict(refused.trailing_metadata())
        info = RetryInfo()
        assert Status.FromString(metadata["grpc-status-details-bin"]).details[0].Unpack(info)
        assert 0 < info.retry_delay.ToMilliseconds() == int(metadata["grpc-retry-pushback-ms"])
        model.let()
        assert len(ids(first)) == 5
        assert ids(call(running, "again")) == ["again"]


def test_bytes_that_wait_are_bounded() -> None:
    """A request that would make too many bytes wait is refused; room comes back with each answer."""
    with gated(queue_bytes="1KB") as (running, model):
        first = hold(running, model)
        assert call(running, "x" * 2000).exception(60).code() is Code.RESOURCE_EXHAUSTED
        model.let()
        assert ids(first) == ["first"]
        for _ in range(5):
            assert len(call(running, "x" * 2000).result(60).results) == 1


def test_single_documents_take_turns_with_a_large_batch() -> None:
    """A document that arrives while a thousand are scored waits for one chunk of them only."""
    with gated() as (running, model):
        large = call(running, *(str(place) for place in range(1000)))
        wait_until(lambda: model.batches, "the model is at work")
        small = call(running, "small")
        arrived(running)
        model.let()
        assert ids(small) == ["small"]
        assert len(ids(large)) == 1000
    assert ["small"] in model.batches[1:3]
    assert [text for batch in model.batches for text in batch if text != "small"] == [str(n) for n in range(1000)]


def test_a_stream_is_read_only_a_little_ahead_of_its_answers() -> None:
    """Back-pressure: while the model is busy, requests stay with the caller; then answers come in their order."""
    sent = []

    def requests() -> Iterator[ScoreRequest]:
        for place in range(40):
            sent.append(place)
            yield ScoreRequest(documents=[Document(id=str(place), text="x" * 1_000_000)])

    with gated() as (running, model):
        answers = running.stub.ScoreStream(requests(), timeout=60)
        wait_until(lambda: model.batches, "the model is at work")
        arrived(running)
        taken = len(sent)
        model.let()
        assert [answer.results[0].document_id for answer in answers] == [str(place) for place in range(40)]
    assert taken < READ_AHEAD + 16  # and what the windows of the connection hold
    assert len(sent) == 40


def test_a_stream_waits_where_a_call_is_refused() -> None:
    """A stream whose next request finds no room goes on once there is some."""
    with gated(queue_documents="2") as (running, model):
        first = call(running, "a", "b")
        wait_until(lambda: model.batches, "the model is at work")
        requests = [ScoreRequest(documents=[Document(id=str(place))]) for place in range(5)]
        answers = running.stub.ScoreStream(iter(requests), timeout=60)
        arrived(running)
        model.let()
        assert [answer.results[0].document_id for answer in answers] == ["0", "1", "2", "3", "4"]
        assert ids(first) == ["a", "b"]


def test_a_stream_that_is_given_up_leaves_its_room() -> None:
    """What a cancelled stream had taken on is not scored, and others have its room."""
    with gated(queue_documents="3") as (running, model):
        answers = running.stub.ScoreStream(
            (ScoreRequest(documents=[Document(text=str(place))]) for place in range(9)), timeout=60
        )
        wait_until(lambda: model.batches, "the model is at work")
        answers.cancel()
        arrived(running)
        model.let()
        wait_until(lambda: call(running, "a", "b", "c").exception(60) is None, "there is room again")
    assert set(itertools.chain(*model.batches[1:])) == {"a", "b", "c"}


def test_a_stream_ends_at_the_request_that_is_wrong() -> None:
    """Requests before a wrong one are answered, then its status comes."""
    with serving(model="tests.scorelens_scorer.own_models:Loud") as running:
        requests = [ScoreRequest(documents=[Document(id="1")]), ScoreRequest(), ScoreRequest(documents=[Document()])]
        answers = running.stub.ScoreStream(iter(requests), timeout=60)
        assert next(answers).results[0].document_id == "1"
        with pytest.raises(grpc.RpcError) as refused:
            next(answers)
        assert refused.value.code() is Code.INVALID_ARGUMENT


def test_calls_that_come_while_it_drains_are_answered_and_say_so() -> None:
    """For a moment after SIGTERM answers name the draining among their headers, for a sidecar to act upon."""
    with serving(model="tests.scorelens_scorer.own_models:Loud") as running:
        first = call(running, "a")
        assert first.result(60).results
        assert DRAINING_KEY not in dict(first.trailing_metadata())
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        wait_until(lambda: health(running) == HealthCheckResponse.NOT_SERVING, "it drains")
        second = call(running, "b")
        assert second.result(60).results
        assert dict(second.initial_metadata())[DRAINING_KEY] == "1"
        stopping.join(60)


def test_a_call_in_flight_says_at_its_end_that_the_scorer_drains() -> None:
    """Where calls take longer than the moment in which new ones are answered, those before tell the sidecar."""
    with gated() as (running, model):
        first = hold(running, model)
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        wait_until(lambda: health(running) == HealthCheckResponse.NOT_SERVING, "it drains")
        model.let()
        assert first.result(60).results
        assert dict(first.trailing_metadata())[DRAINING_KEY] == "1"
        stopping.join(60)


def test_a_stream_with_much_in_work_ends_as_unavailable_when_the_scorer_drains() -> None:
    """All that was read is answered, however long it takes, and the end still says to connect again."""
    requests = [ScoreRequest(documents=[Document(id=str(number))]) for number in range(READ_AHEAD + 4)]
    with gated(drain="60s") as (running, model):
        answers = running.stub.ScoreStream(iter(requests), timeout=30)
        wait_until(lambda: model.batches, "the model is at work")
        for _ in range(5):  # after as many calls on the same connection as much of the stream is read as can be
            arrived(running)
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        wait_until(lambda: not connects(running.address), "the scorer takes no connection any more")
        model.blocked.set()
        model.let()
        came: list[str] = []
        with pytest.raises(grpc.RpcError) as refused:
            came.extend(answer.results[0].document_id for answer in answers)
        assert refused.value.code() is Code.UNAVAILABLE
        trailers: Any = refused.value.trailing_metadata()
        assert dict(trailers)[DRAINING_KEY] == "1"
        assert came == [str(number) for number in range(len(came))] != []
        stopping.join(60)


def test_a_stream_ends_as_unavailable_when_the_scorer_drains() -> None:
    """What was read of an open stream is answered, and its caller is told to connect again."""
    model = own_models.gated = Gated()
    ended = threading.Event()

    def requests() -> Iterator[ScoreRequest]:
        yield ScoreRequest(documents=[Document(id="taken")])
        ended.wait(60)

    with serving(model="tests.scorelens_scorer.own_models:gated") as running:
        answers = running.stub.ScoreStream(requests(), timeout=60)
        wait_until(lambda: model.batches, "the model is at work")
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        wait_until(lambda: health(running) == HealthCheckResponse.NOT_SERVING, "it drains")
        model.let()
        assert next(answers).results[0].document_id == "taken"
        with pytest.raises(grpc.RpcError) as refused:
            next(answers)
        assert refused.value.code() is Code.UNAVAILABLE
        ended.set()
        stopping.join(60)
