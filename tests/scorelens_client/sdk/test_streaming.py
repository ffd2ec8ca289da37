"""Streams of documents to a real gRPC server: in order, lazily, with bounded reading ahead, and with a clear end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from itertools import islice

import grpc
import pytest

from scorelens.v1.scorer_pb2 import ScoreRequest
from scorelens_client import Client, DocumentError, Score, StreamEndedError, UnavailableError
from scorelens_client.sdk.streaming import AHEAD
from tests.scorelens_client.sdk.server import Scorer, texts

BATCH = 20


def test_ten_thousand_documents_stream_in_bounded_memory(scorer: Scorer) -> None:
    """Reading stays a few batches ahead of the scores that are taken, in order, whatever there is to read."""
    read = 0

    def source() -> Iterator[dict[str, str]]:
        nonlocal read
        for read in range(1, 10_001):
            yield {"id": str(read), "text": "good " * 200}

    taken = furthest = 0
    with Client(scorer.address, batch=BATCH) as client:
        for score in client.score_stream(source()):
            furthest = max(furthest, read - taken)
            taken += 1
            assert score.document_id == str(taken)
    assert taken == 10_000
    assert furthest <= BATCH * AHEAD + 2


def test_a_document_is_scored_as_soon_as_it_is_there(scorer: Scorer) -> None:
    """A slow source does not wait until a batch is full: the next document may depend on the score before."""
    waiting: queue.SimpleQueue[dict[str, str] | None] = queue.SimpleQueue()
    waiting.put({"id": "0", "text": "good"})
    with Client(scorer.address) as client:
        for score in client.score_stream(iter(waiting.get, None)):
            waiting.put({"id": str(int(score.document_id) + 1), "text": "good"} if score.place < 9 else None)
    assert scorer.sizes == [1] * 10


def test_a_wrong_document_ends_the_stream_after_those_before_it(scorer: Scorer) -> None:
    """Scores of the documents before a mistake are yielded; then the error names place and field."""
    found: list[Score] = []
    with (
        Client(scorer.address, batch=BATCH) as client,
        pytest.raises(DocumentError, match=r"documents\[50\]\.audience"),
    ):
        found.extend(client.score_stream([*texts(50), {"audience": "many"}]))
    assert len(found) == 50


def test_what_reading_raises_reaches_the_caller(scorer: Scorer) -> None:
    """An exception of the caller's own source is raised as it is."""

    def source() -> Iterator[str]:
        yield "good"
        raise KeyError("no such row")

    with Client(scorer.address) as client, pytest.raises(KeyError, match="no such row"):
        list(client.score_stream(source()))


def test_a_stream_that_breaks_says_where(scorer: Scorer) -> None:
    """The error tells how many documents were answered and from which place to send again."""

    def break_later(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        if any(int(document.id) >= 100 for document in request.documents):
            context.abort(grpc.StatusCode.UNAVAILABLE, "going down")

    scorer.difficulty = break_later
    found: list[Score] = []
    with Client(scorer.address, batch=10) as client, pytest.raises(StreamEndedError, match="going down") as raised:
        found.extend(client.score_stream(texts(500)))
    assert raised.value.answered == len(found) <= 100
    assert f"documents[{len(found)}] and what follows was not answered" in str(raised.value)


def test_a_stream_that_nobody_answers_says_so() -> None:
    """A server that is away ends a stream at its beginning."""
    with pytest.raises(StreamEndedError, match=r"after 0 documents .* does not answer"):
        list(Client("127.0.0.1:1").score_stream(texts(3)))


def test_a_deadline_ends_a_stream(scorer: Scorer) -> None:
    """timeout is for the whole stream."""
    release = threading.Event()
    scorer.difficulty = lambda request, context: release.wait(30)
    with Client(scorer.address) as client, pytest.raises(StreamEndedError, match="did not answer in time"):
        list(client.score_stream(texts(3), timeout=0.2))
    release.set()


def test_a_stream_that_is_left_early_ends_the_call(scorer: Scorer) -> None:
    """Closing the iterator ends the call at the server and stops reading."""
    endless = ({"text": "good"} for _ in iter(int, 1))
    with Client(scorer.address, batch=5) as client:
        scores = client.score_stream(endless)
        assert len(list(islice(scores, 12))) == 12
        scores.close()
        assert scorer.ended.wait(30)


def test_a_client_without_a_system_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The stream's first score is where a missing system is told."""
    with pytest.raises(UnavailableError, match="scorelens up"):
        next(Client(home=tmp_path_factory.mktemp("empty")).score_stream(["a"]))


def test_streams_carry_calculations(scorer: Scorer) -> None:
    """full=True works for streams as well."""
    with Client(scorer.address) as client:
        (score,) = client.score_stream(["bad"], full=True)
    assert score.calculation("complaint").terms[0].feature == "bad"
