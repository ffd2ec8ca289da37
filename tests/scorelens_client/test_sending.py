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
from scorelens_client.batches import Line, batches
from scorelens_client.channel import open_channel
from scorelens_client.sending import Sender, Sending
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


def send(address: str, documents: list[Line], size: int = 10, sending: Sending | None = None) -> list[tuple[str, str]]:
    """Return id and reason of every outcome, in order."""
    with open_channel(address) as channel:
        found = Sender(channel, sending or Sending(address)).score(batches(documents, size, 2**20))
        return [
            (one.result.document_id if one.result else one.line.document.id, one.reason)
            for many in found
            for one in many
        ]


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


def test_a_batch_that_is_too_large_is_halved(scorer: tuple[Scorer, str]) -> None:
    """RESOURCE_EXHAUSTED makes the batch smaller until it fits; only what fails alone is rejected."""
    servicer, address = scorer

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        if len(request.documents) > 3 or request.documents[0].text == "x" * 7:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")

    servicer.difficulty = refuse
    outcomes = send(address, lines(10, lambda number: "x" * number))
    assert [name for name, _ in outcomes] == [str(number) for number in range(10)]
    assert [name for name, reason in outcomes if reason] == ["7"]
    assert dict(outcomes)["7"] == "RESOURCE_EXHAUSTED: too much"


def test_one_bad_document_does_not_cost_its_batch(scorer: tuple[Scorer, str]) -> None:
    """INVALID_ARGUMENT for a batch is traced to the one document."""
    servicer, address = scorer

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        for place, document in enumerate(request.documents):
            if document.text == "13":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"documents[{place}].text: unlucky")

    servicer.difficulty = refuse
    outcomes = send(address, lines(40), size=20)
    assert [(name, reason) for name, reason in outcomes if reason] == [
        ("13", "INVALID_ARGUMENT: documents[0].text: unlucky")
    ]
    assert len(outcomes) == 40


def test_a_model_that_is_not_served_ends_the_run(scorer: tuple[Scorer, str]) -> None:
    """What no other batch could do better is said once."""
    servicer, address = scorer
    servicer.difficulty = lambda request, context: context.abort(grpc.StatusCode.NOT_FOUND, "no model 'x'")
    with pytest.raises(ScorelensError, match="NOT_FOUND: no model 'x'"):
        send(address, lines(1000), size=1)
    assert len(servicer.sizes) < 1000


def test_view_and_purpose_travel_as_metadata(scorer: tuple[Scorer, str]) -> None:
    """The caller's purpose and view are what the server sees."""
    servicer, address = scorer
    send(address, lines(1), sending=Sending(address, purpose="test", full=True))
    assert servicer.metadata[0][PURPOSE_KEY] == "test"
    assert servicer.metadata[0][VIEW_KEY] == VIEW_FULL
