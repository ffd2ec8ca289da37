"""What the sidecar writes is what the indexer reads: one call from its captured bytes to its records."""

from __future__ import annotations

import math

from scorelens.v1 import scorer_pb2 as messages
from scorelens_indexer.intake import Conversion, convert
from scorelens_indexer.otlp import parse
from scorelens_sidecar.captured import CapturedCall, End, Part
from scorelens_sidecar.spans.decode import decode
from scorelens_sidecar.spans.encode import encode
from scorelens_sidecar.spans.resource import encode_request, encode_resource
from tests.scorelens_indexer.spans import stored


def captured(path: bytes, request: bytes = b"", answer: bytes = b"") -> CapturedCall:
    """Return a unary call that was answered in 2.5 ms."""
    return CapturedCall(
        part=Part.UNARY,
        path=path,
        trace_id=bytes(range(16)),
        parent_id=b"",
        span_id=bytes(range(8)),
        started_ns=1_795_341_600_000_000_000,
        ended_us=2500,
        status=0,
        end=End.ANSWERED,
        request=request,
        answer=answer,
        request_size=len(request),
        answer_size=len(answer),
        request_messages=1,
        answer_messages=1,
    )


def through(call: CapturedCall) -> Conversion:
    """Return what the indexer makes of a call that the sidecar captured."""
    spans = [span.data for span in encode(decode(call, 2**24))]
    resource = encode_resource({"service.name": "scorelens-sidecar", "service.instance.id": "i-1"})
    return convert(parse(encode_request(resource, spans)))


def scored_call() -> CapturedCall:
    """Return a call that scores two documents, one of them a customer's activity."""
    tweet = messages.Document(id="d-1", kind="tweet", text="Still no refund", audience=12, attributes={"campaign": "x"})
    tweet.published_time.FromJsonString("2026-11-22T09:59:00Z")
    activity = messages.Document(id="d-1", kind="activity", customer_id="c-1")
    activity.events.add(type="salary", amount=2100, balance=5).time.FromJsonString("2026-11-01T00:00:00Z")
    activity.events.add(type="page_view")
    answer = messages.ScoreResponse()
    model = messages.ModelRef(id="m", version="3")
    margin = -2.1 + 3.24 + 0.05
    probability = 1 / (1 + math.exp(-margin))
    for _ in range(2):
        answer.results.add(document_id="d-1", model=model).tags.add(
            tag="complaint", title="Complaint", group="topic", probability=probability, selected=True
        )
        calculation = answer.calculations.documents.add(document_id="d-1", model=model).tags.add(
            tag="complaint",
            explanation=messages.EXPLANATION_EXACT,
            intercept=-2.1,
            remainder=0.05,
            remainder_terms=3,
            margin=margin,
            link=messages.Link(name="sigmoid"),
            probability=probability,
            threshold=0.5,
            selected=True,
        )
        calculation.terms.feature.append("refund")
        calculation.terms.value.append(0.5)
        calculation.terms.coefficient.append(6.48)
        calculation.terms.contribution.append(3.24)
    request = messages.ScoreRequest(documents=[tweet, activity])
    return captured(b"/scorelens.v1.Scorer/Score", request.SerializeToString(), answer.SerializeToString())


def test_documents_of_a_call() -> None:
    """Each document of a call becomes a record that adds up; the call's own span is ignored."""
    conversion = through(scored_call())
    assert (conversion.letters, conversion.ignored, conversion.received) == ([], 1, 3)
    tweet, activity = map(stored, conversion.records)
    assert tweet["record"]["id"] != activity["record"]["id"]
    assert (tweet["document"]["number"], activity["document"]["number"]) == (0, 1)
    assert tweet["flags"] == activity["flags"] == []
    assert tweet["because"] == ["complaint:refund"]
    assert tweet["tags"] == ["complaint"]
    assert tweet["document"]["attributes"] == {"campaign": "x"}
    assert tweet["document"]["published_time"] == "2026-11-22T09:59:00Z"
    assert tweet["rpc"]["status"] == "OK"
    assert tweet["rpc"]["duration_ms"] == 2.5
    assert tweet["service"] == {"name": "scorelens-sidecar", "instance": {"id": "i-1"}}
    assert activity["customer"] == {"id": "c-1"}
    assert activity["activity"]["balance"] == [5.0, None]
    assert activity["activity"]["time"] == ["2026-11-01T00:00:00Z", ""]


def test_a_call_without_documents() -> None:
    """A call of another service becomes one record of the call."""
    conversion = through(captured(b"/pkg.Other/Do"))
    assert (conversion.letters, conversion.ignored) == ([], 0)
    [record] = conversion.records
    assert record["record"]["type"] == "call"
    assert (record["rpc"]["service"], record["rpc"]["method"]) == ("pkg.Other", "Do")
    assert record["call"] == {"end": "answered"}
    assert "document" not in record


def test_a_resend_is_the_same_record() -> None:
    """The same captured call always becomes the same records."""
    first, again = (list(map(stored, through(scored_call()).records)) for _ in range(2))
    assert first == again
