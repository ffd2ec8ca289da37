"""Sending batches to a real gRPC server that is difficult in every way it may be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from scorelens.conventions import PURPOSE_KEY, VIEW_FULL, VIEW_KEY
from scorelens.v1.scorer_pb2 import Document, Result, ScoreRequest, ScoreResponse
from scorelens.v1.scorer_pb2_grpc import ScorerServicer, add_ScorerServicer_to_server
from scorelens_client.bulk.batches import Line, Scored, divide
from scorelens_client.bulk.flow import Flow, Told
from scorelens_client.bulk.pace import Pace
from scorelens_client.bulk.pieces import pieces, trace_id
from scorelens_client.bulk.sending import Sender, Sending
from scorelens_reading.channel import open_channel
from scorelens_runtime.errors import ScorelensError, UnavailableError

Answer = Callable[[ScoreRequest, grpc.ServicerContext], object]


class Scorer(ScorerServicer):
    """Answers each document with its id, unless `difficulty` ends the call before."""

    def __init__(self) -> None:
        self.difficulty: Answer = lambda request, context: None
        self.sizes: list[int] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.lock = threading.Lock()

    def Score(self, request: ScoreRequest, context: grpc.ServicerContext) -> ScoreResponse:  # noqa: N802
        """Score."""
        with self.lock:
            self.sizes.append(len(request.documents))
            self.metadata.append(dict(context.invocation_metadata()))
        self.difficulty(request, context)
        return ScoreResponse(results=[Result(document_id=document.id) for document in request.documents])

    ScoreStream = GetModel = ListModels = Score  # type: ignore[assignment]  # never called here


@pytest.fixture
def scorer() -> Iterator[tuple[Scorer, str]]:
    """Serve a scorer; yield it with its address."""
    servicer = Scorer()
    server = grpc.server(ThreadPoolExecutor(4))
    add_ScorerServicer_to_server(servicer, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer, address
    server.stop(None).wait()


def lines(count: int, text: Callable[[int], str] = str) -> list[Line]:
    """Return documents with their number as id."""
    return [Line(number, b"", Document(id=str(number), text=text(number))) for number in range(count)]


def outcomes(
    address: str, documents: list[Line], size: int = 10, sending: Sending | None = None, parallel: int = 4
) -> list[Scored]:
    """Return every outcome, in order."""
    with open_channel(address) as channel:
        pace = Pace(size, parallel)
        flow = Flow(Sender(channel, sending or Sending(address), pace), pace)
        found = [one for _, many in flow.run(divide(documents).take) for one in many]
        assert flow.finished
        return found


def send(address: str, documents: list[Line], size: int = 10, sending: Sending | None = None) -> list[tuple[str, str]]:
    """Return id and reason of every outcome, in order."""
    found = outcomes(address, documents, size, sending)
    return [(one.result.document_id if one.result else one.line.document.id, one.reason) for one in found]


def test_outcomes_come_in_order_though_calls_overlap(scorer: tuple[Scorer, str]) -> None:
    """Several calls are in flight and their answers are yielded in the order of the lines."""
    servicer, address = scorer
    meeting = threading.Barrier(3)
    servicer.difficulty = lambda request, context: meeting.wait(30)
    assert [name for name, _ in send(address, lines(60))] == [str(number) for number in range(60)]


def test_a_scorer_that_is_away_for_a_while_is_waited_for(scorer: tuple[Scorer, str]) -> None:
    """UNAVAILABLE is answered with another try, not with a lost document."""
    servicer, address = scorer
    refusals = iter(range(3))

    def refuse(_: ScoreRequest, context: grpc.ServicerContext) -> None:
        if next(refusals, None) is not None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")

    servicer.difficulty = refuse
    assert [reason for _, reason in send(address, lines(5))] == [""] * 5


def test_patience_ends() -> None:
    """A scorer that never answers is named in the error."""
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1 does not answer"):
        send("127.0.0.1:1", lines(5), sending=Sending("127.0.0.1:1", patience=0.3))


def test_a_slow_call_does_not_keep_others_from_being_sent(scorer: tuple[Scorer, str]) -> None:
    """While the first batch waits, later ones are sent and answered, and outcomes still come in order."""
    servicer, address = scorer
    others = threading.Semaphore(0)

    def delay(request: ScoreRequest, _: grpc.ServicerContext) -> None:
        if request.documents[0].id == "0":
            assert all(others.acquire(timeout=30) for _ in range(6))
        else:
            others.release()

    servicer.difficulty = delay
    found = outcomes(address, lines(70), parallel=3)
    assert [one.line.number for one in found] == list(range(70))


@pytest.mark.parametrize(
    "words",
    [
        "documents: 10 in one request, more than the 3 that this server takes; send fewer",
        "Received message larger than max (70 vs. 50)",
        "no",
    ],
)
def test_a_batch_that_is_too_large_is_halved(words: str, scorer: tuple[Scorer, str]) -> None:
    """RESOURCE_EXHAUSTED makes the batch smaller until it fits; only what fails alone is rejected."""
    servicer, address = scorer

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        if len(request.documents) > 3 or request.documents[0].text == "x" * 7:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words)

    servicer.difficulty = refuse
    found = send(address, lines(10, lambda number: "x" * number), sending=Sending(address, patience=0.5))
    assert [name for name, _ in found] == [str(number) for number in range(10)]
    assert [name for name, reason in found if reason] == ["7"]
    assert words.partition(": ")[2] in dict(found)["7"]


def _told_when(context: grpc.ServicerContext, words: str) -> None:
    context.set_trailing_metadata((("grpc-retry-pushback-ms", "20"),))
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words)


@pytest.mark.parametrize(
    "refuse",
    [
        lambda context: _told_when(context, "no"),
        lambda context: context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "has no room left; try again later"),
        lambda context: context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full"),
    ],
    ids=["pushback", "try again", "full"],
)
def test_a_scorer_without_room_is_asked_again_with_the_whole_batch(
    refuse: Callable[[grpc.ServicerContext], None], scorer: tuple[Scorer, str]
) -> None:
    """RESOURCE_EXHAUSTED that means a full queue costs no document and makes no batch smaller."""
    servicer, address = scorer
    refusals = iter(range(3))
    servicer.difficulty = lambda request, context: refuse(context) if next(refusals, None) is not None else None
    assert [reason for _, reason in send(address, lines(10))] == [""] * 10
    assert servicer.sizes == [10] * 4


def test_a_scorer_that_never_has_room_rejects_when_patience_ends(scorer: tuple[Scorer, str]) -> None:
    """Documents that nobody takes become rejects with the scorer's words."""
    servicer, address = scorer
    servicer.difficulty = lambda request, context: context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "queue is full")
    found = send(address, lines(4), sending=Sending(address, patience=0.3))
    assert [reason for _, reason in found] == ["RESOURCE_EXHAUSTED: queue is full"] * 4


def test_one_bad_document_does_not_cost_its_batch(scorer: tuple[Scorer, str]) -> None:
    """INVALID_ARGUMENT for a batch is traced to the one document, and the field that the scorer names is told."""
    servicer, address = scorer

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        for place, document in enumerate(request.documents):
            if document.text == "13":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"documents[{place}].events[2].amount: not finite")

    servicer.difficulty = refuse
    found = outcomes(address, lines(40), size=20)
    assert [(one.line.number, one.field, one.reason) for one in found if one.reason] == [
        (13, "events[2].amount", "not finite")
    ]
    assert len(found) == 40


def test_every_call_has_a_trace_that_can_be_told_later(scorer: tuple[Scorer, str]) -> None:
    """Whatever a batch is halved into, its calls are among those that follow from its rows."""
    servicer, address = scorer

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        if any(document.text == "5" for document in request.documents):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "unlucky")

    servicer.difficulty = refuse
    send(address, lines(11), size=11, sending=Sending(address, run="r"))
    known = {trace_id("r", start, count) for start, count in pieces(0, 11)}
    traces = [str(metadata["traceparent"]).split("-")[1] for metadata in servicer.metadata]
    assert len(traces) == len(set(traces)) > 5
    assert set(traces) <= known


def test_calls_in_flight_end_when_a_run_is_stopped(scorer: tuple[Scorer, str]) -> None:
    """Told to stop, what was sent is answered and nothing further is sent."""
    servicer, address = scorer
    told = Told()
    servicer.difficulty = lambda request, context: told.stop.set()
    with open_channel(address) as channel:
        pace = Pace(5, 2)
        flow = Flow(Sender(channel, Sending(address), pace), pace, told)
        found = [one.line.number for _, many in flow.run(divide(lines(1000)).take) for one in many]
    assert not flow.finished
    assert found == list(range(len(found)))
    assert sum(servicer.sizes) == len(found) < 1000


def test_a_model_that_is_not_served_ends_the_run(scorer: tuple[Scorer, str]) -> None:
    """What no other batch could do better is said once."""
    servicer, address = scorer
    servicer.difficulty = lambda request, context: context.abort(grpc.StatusCode.NOT_FOUND, "no model 'x'")
    with pytest.raises(ScorelensError, match="NOT_FOUND: no model 'x'; `scorelens promote`"):
        send(address, lines(1000), size=1)
    assert len(servicer.sizes) < 1000


def test_an_address_of_something_else_is_told(scorer: tuple[Scorer, str]) -> None:
    """A server that has no method to score is not taken for a scorer that fails."""
    servicer, address = scorer
    servicer.difficulty = lambda request, context: context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    with pytest.raises(ScorelensError, match="is no scorer: is that the right address"):
        send(address, lines(1))


def test_view_and_purpose_travel_as_metadata(scorer: tuple[Scorer, str]) -> None:
    """The caller's purpose and view are what the server sees."""
    servicer, address = scorer
    send(address, lines(1), sending=Sending(address, purpose="test", full=True))
    assert servicer.metadata[0][PURPOSE_KEY] == "test"
    assert servicer.metadata[0][VIEW_KEY] == VIEW_FULL
