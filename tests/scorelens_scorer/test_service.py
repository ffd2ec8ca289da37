"""The scorer over gRPC: answers, views, limits and refusals."""

from __future__ import annotations

import logging
import threading
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from scorelens.conventions import SCORE_PATH, SCORER_SERVICE, VIEW_KEY
from scorelens.v1.scorer_pb2 import (
    ActivityEvent,
    Document,
    Explanation,
    GetModelRequest,
    ListModelsRequest,
    ScoreRequest,
)
from scorelens_scorer.linear_model import LinearModel
from tests.scorelens_scorer.own_models import slow
from tests.scorelens_scorer.running import FULL, Running, serving

Code = grpc.StatusCode
OWN = "tests.scorelens_scorer.own_models"
REFUND = Document(id="d-17", kind="tweet", text="Still no refund from Harbourline after three weeks, terrible service")
BUSY = Document(kind="article", text="the refund of the mortgage fee is terrible and the app crashes " * 8)


def test_results_come_in_request_order_each_from_the_model_of_its_kind(scorer: Running) -> None:
    """Kinds that models name go to them, any other kind to the first model, whatever the order; ids may repeat."""
    kinds = ["tweet", "activity", "poem", "", "activity", "chat"]
    documents = [Document(id=f"d{place % 2}", kind=kind) for place, kind in enumerate(kinds)]
    answer = scorer.score(ScoreRequest(documents=[*documents, Document()]))
    assert [result.document_id for result in answer.results] == ["d0", "d1", "d0", "d1", "d0", "d1", ""]
    media, offers = "media-tagger", "offer-ranker"
    assert [result.model.id for result in answer.results] == [media, offers, media, media, offers, media, media]
    calculations = answer.calculations.documents
    assert [one.document_id for one in calculations] == [result.document_id for result in answer.results]
    assert [one.model for one in calculations] == [result.model for result in answer.results]


def test_tags_are_ranked_and_calculations_follow_their_order(scorer: Running) -> None:
    """The most probable tag is first, with title and group, and the calculations say the same of the same tags."""
    answer = scorer.score(ScoreRequest(documents=[REFUND]))
    tags, calculations = answer.results[0].tags, answer.calculations.documents[0].tags
    assert [tag.probability for tag in tags] == sorted((tag.probability for tag in tags), reverse=True)
    assert [(tag.tag, tag.probability, tag.selected) for tag in tags] == [
        (one.tag, one.probability, one.selected) for one in calculations
    ]
    brand = next(tag for tag in tags if tag.tag == "brand_harbourline")
    assert (brand.title, brand.group, brand.selected) == ("Harbourline", "brand", True)


def test_calculations_on_the_wire_are_exact(scorer: Running) -> None:
    """Terms are sorted by size and add up, and the threshold decides what is selected."""
    answer = scorer.score(ScoreRequest(documents=[REFUND, BUSY, Document(kind="activity")]))
    for document in answer.calculations.documents:
        for one in document.tags:
            sizes = [abs(number) for number in one.terms.contribution]
            assert sizes == sorted(sizes, reverse=True)
            assert one.intercept + sum(one.terms.contribution) + one.remainder == pytest.approx(one.margin, abs=1e-6)
            assert one.selected == (one.probability >= one.threshold)
            assert (one.explanation, one.link.name) == (Explanation.EXPLANATION_EXACT, "sigmoid")


@pytest.mark.parametrize(
    ("metadata", "full"),
    [
        ((), False),
        (((VIEW_KEY, "lean"),), False),
        (((VIEW_KEY, "FULL"),), False),
        (((VIEW_KEY, "lean, full"),), True),
        (((VIEW_KEY, "lean,fuller"),), False),
        (FULL, True),
        (((VIEW_KEY, "lean"), *FULL, (VIEW_KEY, "other")), True),
    ],
)
def test_calculations_are_for_those_who_ask(scorer: Running, metadata: tuple[tuple[str, str], ...], full: bool) -> None:
    """One value `full` among any gives calculations; without it the answer has none."""
    answer = scorer.stub.Score(ScoreRequest(documents=[REFUND]), metadata=metadata)
    assert answer.HasField("calculations") is full
    assert len(answer.results) == 1


def test_calculations_come_first_on_the_wire(scorer: Running) -> None:
    """The answer starts with field 1, so that a proxy can drop it as it streams past."""
    raw: Any = scorer.channel.unary_unary(SCORE_PATH)
    answer = raw(ScoreRequest(documents=[REFUND]).SerializeToString(), metadata=FULL)
    assert answer[0] == (1 << 3 | 2)
    assert raw(ScoreRequest(documents=[REFUND]).SerializeToString())[0] == (2 << 3 | 2)


@pytest.mark.parametrize(("request_", "most"), [({}, 20), ({"max_terms": 3}, 3), ({"all_terms": True}, 10**9)])
def test_the_caller_says_how_many_terms(scorer: Running, request_: dict[str, int], most: int) -> None:
    """Twenty terms by default, as many as asked for, or all; the remainder counts the others."""
    for one in scorer.score(ScoreRequest(documents=[BUSY], **request_)).calculations.documents[0].tags:  # type: ignore[arg-type]
        held = len(one.terms.feature)
        assert held + one.remainder_terms > 40
        assert held == min(most, held + one.remainder_terms)


def test_a_stream_answers_each_message(scorer: Running) -> None:
    """One answer per request message, in order."""
    requests = [ScoreRequest(documents=[Document(id=str(place))] * (place + 1)) for place in range(4)]
    answers = list(scorer.stub.ScoreStream(iter(requests), metadata=FULL, timeout=60))
    assert [len(answer.calculations.documents) for answer in answers] == [1, 2, 3, 4]
    assert [answer.results[0].document_id for answer in answers] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (ScoreRequest(), Code.INVALID_ARGUMENT, "documents: is empty"),
        (ScoreRequest(documents=[REFUND], model="x"), Code.NOT_FOUND, "'x' is not served; served are 'media-tagger'"),
        (ScoreRequest(documents=[REFUND], model="offer-ranker", model_version="0"), Code.NOT_FOUND, "in version '0'"),
        (ScoreRequest(documents=[REFUND], model_version="1"), Code.INVALID_ARGUMENT, "model_version: needs model"),
        (ScoreRequest(documents=[REFUND] * 1001), Code.RESOURCE_EXHAUSTED, "documents: 1001 in one request"),
        (
            ScoreRequest(documents=[REFUND, Document(events=[ActivityEvent(), ActivityEvent(amount=float("nan"))])]),
            Code.INVALID_ARGUMENT,
            "documents[1].events[1].amount: nan",
        ),
        (
            ScoreRequest(documents=[Document(events=[ActivityEvent(balance=float("-inf"))])]),
            Code.INVALID_ARGUMENT,
            "documents[0].events[0].balance: -inf",
        ),
    ],
)
def test_a_wrong_request_is_refused_by_the_name_of_its_field(
    scorer: Running, request_: ScoreRequest, code: grpc.StatusCode, text: str
) -> None:
    """Each wrong request has its status and a text that names what is wrong."""
    assert scorer.refusal(request_)[0] is code
    assert text in scorer.refusal(request_)[1]


def test_text_that_is_not_utf_8_is_refused_by_name(scorer: Running) -> None:
    """Both methods name the string; the stream ends, and the connection goes on."""
    broken = (
        ScoreRequest(documents=[REFUND, Document(text="MARKER")]).SerializeToString().replace(b"MARKER", b"a\xff" * 3)
    )
    unary: Any = scorer.channel.unary_unary(SCORE_PATH)
    stream: Any = scorer.channel.stream_stream(f"{SCORE_PATH}Stream")
    for call in (lambda: unary(broken), lambda: list(stream(iter([broken])))):
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is Code.INVALID_ARGUMENT
        assert refused.value.details() == "documents[1].text: is not UTF-8 at byte 2"
    assert scorer.score(ScoreRequest(documents=[REFUND])).results


def test_a_ten_megabyte_document_is_scored(scorer: Running) -> None:
    """A huge text is read in pieces and answered, exactly."""
    text = "Still no refund of my mortgage fee, terrible service from Harbourline again and again. " * (10**7 // 87)
    (document,) = scorer.score(ScoreRequest(documents=[Document(text=text)])).calculations.documents
    one = next(tag for tag in document.tags if tag.tag == "complaint")
    assert one.intercept + sum(one.terms.contribution) + one.remainder == pytest.approx(one.margin, abs=1e-6)
    assert one.selected


def test_models_are_listed_and_described(scorer: Running, tagger: LinearModel) -> None:
    """Listing and getting give the same description, in the model's own order of tags."""
    listed = scorer.stub.ListModels(ListModelsRequest()).models
    assert [model.id for model in listed] == ["media-tagger", "offer-ranker"]
    got = scorer.stub.GetModel(GetModelRequest(id="media-tagger", version=tagger.version))
    assert got == listed[0]
    assert [tag.id for tag in got.tags] == [tag.id for tag in tagger.tags]
    assert list(listed[1].kinds) == ["activity"]
    for request, code in ((GetModelRequest(), Code.INVALID_ARGUMENT), (GetModelRequest(id="x"), Code.NOT_FOUND)):
        with pytest.raises(grpc.RpcError) as refused:
            scorer.stub.GetModel(request)
        assert refused.value.code() is code


def test_health_and_reflection_are_served(scorer: Running) -> None:
    """Standard tools find the service and its state."""
    state = HealthStub(scorer.channel).Check(HealthCheckRequest(service=SCORER_SERVICE))
    assert state.status == HealthCheckResponse.SERVING
    asked = iter(
        [ServerReflectionRequest(list_services=""), ServerReflectionRequest(file_containing_symbol=SCORER_SERVICE)]
    )
    listed, described = ServerReflectionStub(scorer.channel).ServerReflectionInfo(asked)
    assert SCORER_SERVICE in [service.name for service in listed.list_services_response.service]
    assert described.file_descriptor_response.file_descriptor_proto


def test_limits_of_text_and_answer_are_told(cache: object, scorer: Running) -> None:
    """A text or an answer over its limit is refused with the limit in the text."""
    with serving(cache=str(cache), max_text="1KB", max_message="40KB") as small:
        code, text = small.refusal(ScoreRequest(documents=[REFUND, Document(text="ä" * 501)]))
        assert (code, text.split(",")[0]) == (Code.INVALID_ARGUMENT, "documents[1].text: 1002 bytes")
        assert small.score(ScoreRequest(documents=[Document(text="ä" * 500)])).results
        code, text = small.refusal(ScoreRequest(documents=[BUSY] * 20))
        assert (code, "40000 bytes" in text) == (Code.RESOURCE_EXHAUSTED, True)
        assert small.score(ScoreRequest(documents=[BUSY] * 20), full=False).results
        code, _ = small.refusal(ScoreRequest(documents=[Document(text="ä" * 500)] * 41))
        assert code is Code.RESOURCE_EXHAUSTED


def test_an_answer_too_large_is_given_up_before_it_is_whole(cache: object) -> None:
    """Chunks past the limit are never scored, so that a large batch with all terms does not fill the memory."""
    request = ScoreRequest(documents=[BUSY] * 1000, all_terms=True)
    with serving(cache=str(cache), max_message="1MB") as small:
        code, text = small.refusal(request)
        assert (code, "fewer terms" in text) == (Code.RESOURCE_EXHAUSTED, True)


def test_a_model_of_ones_own_is_served(cache: object) -> None:
    """Foreign tags come under ids with the name as title; a model without reasons says so."""
    with serving(model=f"{OWN}:Loud,{OWN}:Foreign") as own:
        answer = own.score(ScoreRequest(documents=[Document(text="HELLO"), Document(kind="chat")]))
        loud, foreign = answer.results
        assert [(tag.tag, tag.probability, tag.selected) for tag in loud.tags] == [("loud", 1.0, True)]
        assert [tag.title for tag in foreign.tags] == ["Краткосрочный кредит", "fast.loan now"]
        assert [tag.selected for tag in foreign.tags] == [True, False]
        assert foreign.tags[1].tag.startswith("fast-loan-now-")
        plain, reasons = answer.calculations.documents
        assert plain.tags[0].explanation == Explanation.EXPLANATION_NONE
        assert (plain.tags[0].margin, plain.tags[0].link.name, len(plain.tags[0].terms.feature)) == (1.0, "identity", 0)
        assert reasons.tags[0].explanation == Explanation.EXPLANATION_APPROXIMATE
        assert reasons.tags[0].terms.feature[0] == "length"
        assert dict(reasons.tags[0].intermediates) == {"votes": 25.0}


@pytest.mark.parametrize("fault", ["raise", "nan", "shape", "above", "none", "words", "margins", "starts"])
def test_a_models_fault_is_internal_and_logged(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a model does wrong, the caller gets a fixed text, and the log says which model did what."""
    with serving(model=f"{OWN}:Faulty") as own, caplog.at_level(logging.ERROR):
        code, text = own.refusal(ScoreRequest(documents=[Document(text=fault)]))
        assert (code, "secret" in text, "log" in text) == (Code.INTERNAL, False, True)
        assert own.score(ScoreRequest(documents=[Document()])).results
    (record,) = caplog.records
    assert "model faulty 1" in record.reason  # type: ignore[attr-defined]


def test_a_call_that_was_given_up_stops_between_chunks() -> None:
    """Once the caller has gone, no further chunk is scored."""
    with serving(model=f"{OWN}:slow") as own:
        call = own.stub.Score.future(ScoreRequest(documents=[Document()] * 900))
        assert slow.entered.wait(30)
        call.cancel()
        gone = threading.Event()
        call.add_done_callback(lambda _: gone.set())
        assert gone.wait(30)
        HealthStub(own.channel).Check(HealthCheckRequest())  # by now the server has seen the cancellation before it
        slow.go.set()
    assert slow.calls == 1


def test_answers_are_not_compressed(scorer: Running) -> None:
    """Answers leave as they are, even for callers that could take them compressed."""
    _, call = scorer.stub.Score.with_call(ScoreRequest(documents=[REFUND]), compression=grpc.Compression.Gzip)
    encodings = [value for key, value in call.initial_metadata() if key == "grpc-encoding"]
    assert encodings in ([], ["identity"])
