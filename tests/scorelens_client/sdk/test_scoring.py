"""Scoring with a real gRPC server that is difficult in every way it may be."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pandas as pd
import pytest

from scorelens.conventions import PURPOSE_KEY, VIEW_KEY
from scorelens.v1.scorer_pb2 import ScoreRequest
from scorelens_client import (
    Client,
    DeadlineError,
    DocumentError,
    NotFoundError,
    RefusedError,
    Score,
    ScorelensError,
    Scores,
    UnavailableError,
)
from scorelens_client.home import Home, System
from tests.scorelens_client.sdk.server import Scorer, texts


def test_one_document_gives_one_score(scorer: Scorer) -> None:
    """A single document is answered with its score: tags, probabilities, and the model that said so."""
    with Client(scorer.address) as client:
        score = client.score({"id": "d-1", "text": "bad refund"})
    assert isinstance(score, Score)
    assert (score.document_id, score.model, score.version, score.tags) == ("d-1", "words", "1", ("complaint",))
    assert score["complaint"] > 0.9 > score["praise"]
    with pytest.raises(KeyError, match="complaint, praise"):
        score["nothing"]


def test_a_text_is_a_document(scorer: Scorer) -> None:
    """A string is one document's text, not an iterable of characters."""
    with Client(scorer.address) as client:
        assert client.score("good").tags == ("praise",)


def test_several_documents_keep_their_order_though_calls_overlap(scorer: Scorer) -> None:
    """Several requests are in flight, and scores come in the order of the documents."""
    meeting = threading.Barrier(3)
    scorer.difficulty = lambda request, context: meeting.wait(30)
    with Client(scorer.address, batch=10, parallel=3) as client:
        scores = client.score(texts(60))
    assert isinstance(scores, Scores)
    assert [(score.place, score.document_id) for score in scores] == [(place, str(place)) for place in range(60)]
    assert scorer.sizes == [10] * 6


def test_no_documents_need_no_call() -> None:
    """An empty iterable is answered without asking anybody."""
    assert list(Client("127.0.0.1:1").score([])) == []


def test_calculations_come_when_they_are_asked_for(scorer: Scorer) -> None:
    """full=True brings the calculation of each tag, and without it the error says how to get one."""
    with Client(scorer.address) as client:
        one = client.score("bad refund", full=True).calculation("complaint")
        assert [term.feature for term in one.terms] == ["bad", "refund"]
        assert one.adds_up
        with pytest.raises(NotFoundError, match="full=True"):
            client.score("bad refund").calculation("complaint")


def test_view_purpose_and_metadata_travel_with_the_call(scorer: Scorer) -> None:
    """The server sees the purpose of the client or of the call, the view, and what else was given."""
    with Client(scorer.address, purpose="explain", metadata={"x-team": "blue"}) as client:
        client.score("a")
        client.score("a", purpose="test", full=True)
    first, second = scorer.metadata
    assert (first[PURPOSE_KEY], first.get(VIEW_KEY), first["x-team"]) == ("explain", None, "blue")
    assert (second[PURPOSE_KEY], second[VIEW_KEY]) == ("test", "full")


def test_a_scorer_that_is_away_for_a_while_is_waited_for(scorer: Scorer) -> None:
    """Calls to a server that is away are sent again until it is there."""
    scorer.stop()
    found: list[Scores] = []
    with Client(scorer.address, retries=100) as client:
        asking = threading.Thread(target=lambda: found.append(client.score(texts(5))))
        asking.start()
        scorer.start()
        asking.join(60)
    assert len(found[0]) == 5


def test_unavailable_answers_are_tried_again(scorer: Scorer) -> None:
    """UNAVAILABLE is answered with another try, not with a lost document."""
    refusals = iter(range(3))

    def refuse(_: ScoreRequest, context: grpc.ServicerContext) -> None:
        if next(refusals, None) is not None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")

    scorer.difficulty = refuse
    with Client(scorer.address) as client:
        assert len(client.score(texts(3))) == 3
    assert len(scorer.sizes) == 4


def test_retries_end() -> None:
    """A scorer that never answers is named, with how often it was tried."""
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1 does not answer.*tried 3 times"):
        Client("127.0.0.1:1", retries=2).score("a")


@pytest.mark.parametrize("given", [{"timeout": 0.4}, {}])
def test_a_deadline_is_for_all_tries_together(scorer: Scorer, given: dict[str, float]) -> None:
    """A server that hangs or refuses costs no more than the time that was given, however many tries there are."""
    release = threading.Event()

    def hang(_: ScoreRequest, context: grpc.ServicerContext) -> None:
        release.wait(0.15)
        context.abort(grpc.StatusCode.UNAVAILABLE, "busy")

    scorer.difficulty = hang
    with Client(scorer.address, timeout=60 if given else 0.4, retries=10_000) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineError, match=r"timeout=") as raised:
            client.score(texts(300), **given)  # type: ignore[call-overload]
        assert time.monotonic() - started < 30
    release.set()
    assert isinstance(raised.value, UnavailableError)
    assert not isinstance(raised.value, grpc.RpcError)


def test_a_batch_that_is_too_large_is_halved(scorer: Scorer) -> None:
    """RESOURCE_EXHAUSTED makes the batch smaller until it fits."""

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        if len(request.documents) > 3:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")

    scorer.difficulty = refuse
    with Client(scorer.address) as client:
        assert [score.document_id for score in client.score(texts(10))] == [str(number) for number in range(10)]


def refuse_unlucky(request: ScoreRequest, context: grpc.ServicerContext) -> None:
    """Refuse what holds the document 13, and say where it is."""
    for place, document in enumerate(request.documents):
        if document.id == "13":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"documents[{place}].text: unlucky")


def test_a_refused_document_is_named_by_its_place_among_all(scorer: Scorer) -> None:
    """The error has the place that the document has for the caller, not the one within a batch."""
    scorer.difficulty = refuse_unlucky
    with (
        Client(scorer.address, batch=8) as client,
        pytest.raises(RefusedError, match=r"documents\[13\].text") as raised,
    ):
        client.score(texts(40))
    assert (raised.value.place, raised.value.code) == (13, "INVALID_ARGUMENT")


def test_errors_can_be_kept_beside_the_scores(scorer: Scorer) -> None:
    """With errors="keep" one bad document costs nothing but its own score."""
    scorer.difficulty = refuse_unlucky
    with Client(scorer.address, batch=8) as client:
        scores = client.score(texts(40), errors="keep")
    assert [score.place for score in scores if score.error] == [13]
    assert "documents[13].text: unlucky" in scores[13].error
    assert len([score for score in scores if score.scores]) == 39


def test_what_is_no_document_can_be_kept_beside_the_scores(scorer: Scorer) -> None:
    """With errors="keep" what cannot be read costs nothing but its own score, and keeps its place and id."""
    scorer.difficulty = refuse_unlucky
    given: list[Any] = [*texts(20), {"id": "bad", "audience": -1}, None, *texts(20)]
    with Client(scorer.address, batch=8) as client:
        scores = client.score(given, errors="keep")
        alone = client.score({"id": "bad", "text": 5}, errors="keep")
    assert [score.place for score in scores] == list(range(42))
    assert [score.place for score in scores if score.error] == [13, 20, 21, 35]
    assert (scores[20].document_id, scores[20].error[:23]) == ("bad", "documents[20].audience:")
    assert "documents[35].text: unlucky" in scores[35].error
    assert alone.error == "document.text: must be a string, not a number"


def test_a_table_whose_text_has_another_name_is_warned_of(scorer: Scorer) -> None:
    """Documents without anything to read are scored, with a warning that names the column that may be the text."""
    frame = pd.DataFrame({"id": [1, 2], "body": ["good", "bad"]})
    with Client(scorer.address) as client:
        with pytest.warns(UserWarning, match=r'columns=\{"text": "body"\}') as warned:
            client.score(frame)
        assert warned[0].filename == __file__
        assert len(client.score(frame, columns={"text": "body"})) == 2


def test_answers_are_kept_when_the_scorer_goes_away(scorer: Scorer) -> None:
    """With errors="keep" what was answered stays, and the others say why they were not."""

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        if request.documents[0].id != "0":
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    scorer.difficulty = refuse
    with Client(scorer.address, batch=10, retries=1, parallel=1) as client:
        scores = client.score(texts(25), errors="keep")
    assert [bool(score.error) for score in scores] == [False] * 10 + [True] * 15
    assert "gone" in scores[24].error


def test_a_model_that_is_not_served_ends_the_call(scorer: Scorer) -> None:
    """What no other batch could do better is said once, with what to do."""
    scorer.difficulty = lambda request, context: context.abort(grpc.StatusCode.NOT_FOUND, "no model 'x'")
    with (
        Client(scorer.address, batch=1, parallel=2) as client,
        pytest.raises(NotFoundError, match=r"client.models\(\)"),
    ):
        client.score(texts(500), model="x")
    assert len(scorer.sizes) < 500


def test_nothing_is_sent_where_one_document_is_wrong(scorer: Scorer) -> None:
    """A mistake far behind is found before the first document goes."""
    with Client(scorer.address, batch=1) as client:
        with pytest.raises(DocumentError, match=r"^documents\[3\]\.audience: must be a whole number"):
            client.score([*texts(3), {"audience": -1}])
        with pytest.raises(ScorelensError, match="purpose: 'x' is none of production"):
            client.score("a", purpose="x")
    assert scorer.sizes == []


def test_a_closed_client_says_so(scorer: Scorer) -> None:
    """Calls after close, and calls that wait while it is closed, end with an error for people."""
    client = Client(scorer.address)
    errors: list[Exception] = []
    hanging = threading.Event()
    release = threading.Event()

    def hang(*_: object) -> None:
        hanging.set()
        release.wait(30)

    scorer.difficulty = hang

    def ask() -> None:
        try:
            client.score("a")
        except ScorelensError as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert hanging.wait(30)
    client.close()
    asking.join(30)
    release.set()
    assert "closed" in str(errors[0])
    with pytest.raises(ScorelensError, match="the client is closed"):
        client.score("a")


def test_one_client_serves_many_threads(scorer: Scorer) -> None:
    """Threads that share a client get their own answers."""
    found: dict[int, list[str]] = {}
    with Client(scorer.address, batch=3, parallel=2) as client:

        def ask(number: int) -> None:
            documents = [{"id": f"{number}-{place}", "text": "good"} for place in range(10)]
            found[number] = [score.document_id for score in client.score(documents)]

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == {number: [f"{number}-{place}" for place in range(10)] for number in range(8)}


def test_models_are_described(scorer: Scorer) -> None:
    """The models that are served, with their tags and thresholds."""
    with Client(scorer.address) as client:
        (model,) = client.models()
    assert (model.id, [tag.tag for tag in model.tags]) == ("words", ["praise", "complaint"])


def test_nothing_runs(tmp_path: Path) -> None:
    """Where no system runs and nothing was stored, the errors say how to start one or name another."""
    client = Client(home=tmp_path)
    with pytest.raises(UnavailableError, match=r"no system runs in .*scorelens up.*SCORELENS_HOME.*Client\(home=…\)"):
        client.score("a")
    with pytest.raises(UnavailableError, match=r"nothing is stored in .*scorelens up"):
        client.search("a")
    with pytest.raises(UnavailableError, match="store: there is no folder"):
        Client(store=tmp_path / "no").count()


def test_a_client_follows_a_system_that_starts_again_elsewhere(scorer: Scorer, tmp_path: Path) -> None:
    """Where a system was started again on other ports, the next call finds it in its folder."""
    home = Home(tmp_path)
    home.make()
    with Scorer().start() as other, home.hold(), Client(home=tmp_path) as client:
        for place in (scorer, other):
            home.publish(System(1, place.address, "", "", str(tmp_path / "store"), ""))
            assert client.score("good").tags == ("praise",)
            place.stop()
    assert (len(scorer.sizes), len(other.sizes)) == (1, 1)
