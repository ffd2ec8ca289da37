"""Captured calls for tests, as the relay would record them."""

from __future__ import annotations

import hashlib
from typing import Any

from scorelens.v1.scorer_pb2 import EXPLANATION_EXACT, Document, ScoreRequest, ScoreResponse
from scorelens_sidecar.captured import CapturedCall, End, Part

STARTED = 1_795_341_600_123_456_789  # 2026-11-22T10:00:00.123456789Z


def media_document(number: int = 0) -> Document:
    """Return a document with words in every field that media have."""
    document = Document(
        id=f"d-{number}",
        kind="tweet",
        title="Still waiting",
        text="Still no refund from Acme — réclamé hier ☹",
        language="en",
        author="@ann",
        source="social",
        source_uri="https://social.example/ann/17",
        audience=1200,
    )
    document.published_time.FromJsonString("2026-11-22T09:59:00.5Z")
    document.attributes["campaign"] = "autumn"
    document.attributes["store"] = "Leeds"
    return document


def activity_document() -> Document:
    """Return a customer's activity, with an event of which nothing but the type is known."""
    document = Document(id="a-1", kind="activity", customer_id="c-9")
    salary = document.events.add(type="salary", amount=2100.5, currency="EUR", balance=0.0, product="", text="ACME Nov")
    salary.time.FromJsonString("2026-11-01T06:00:00Z")
    document.events.add(type="card_payment")
    return document


def answer_for(request: ScoreRequest, tags: int = 2, terms: int = 2) -> ScoreResponse:
    """Return an exact answer with as many tags, each with as many terms."""
    answer = ScoreResponse()
    for document in request.documents:
        result = answer.results.add(document_id=document.id)
        calculation = answer.calculations.documents.add(document_id=document.id)
        for part in (result, calculation):
            part.model.id, part.model.version = "media-tagger", "3"
        for number in range(tags):
            probability = 0.75 if number == 0 else 0.125
            result.tags.add(
                tag=f"tag-{number}",
                title=f"Tag {number}",
                group="topic",
                probability=probability,
                selected=number == 0,
            )
            tag = calculation.tags.add(tag=f"tag-{number}", explanation=EXPLANATION_EXACT, intercept=-2.0)
            tag.margin, tag.probability, tag.threshold, tag.selected = 1.5, probability, 0.5, number == 0
            tag.remainder, tag.remainder_terms = 0.25, 61
            tag.link.name = "sigmoid"
            tag.link.parameters.update(slope=2.0, offset=0.25)
            tag.intermediates.update(uncalibrated=0.625)
            tag.terms.feature.extend(f"refund {term}" for term in range(terms))
            tag.terms.value.extend(0.5 + term for term in range(terms))
            tag.terms.coefficient.extend(2.0 * term for term in range(terms))
            tag.terms.contribution.extend(1.0 - term for term in range(terms))
    return answer


def scored_call(number: int = 0, *documents: Document, **changes: Any) -> CapturedCall:
    """Return a unary call that was answered; `number` makes its ids."""
    request = ScoreRequest(documents=documents or [media_document(number)])
    return captured(
        number,
        request.SerializeToString(deterministic=True),
        answer_for(request).SerializeToString(deterministic=True),
        **changes,
    )


def captured(number: int, request: bytes, answer: bytes, **changes: Any) -> CapturedCall:
    """Return a unary call with these messages."""
    values: dict[str, Any] = {
        "part": Part.UNARY,
        "path": b"/scorelens.v1.Scorer/Score",
        "trace_id": hashlib.sha256(b"trace %d" % number).digest()[:16],
        "parent_id": b"",
        "span_id": hashlib.sha256(b"span %d" % number).digest()[:8],
        "started_ns": STARTED,
        "first_answer_us": 2900,
        "ended_us": 3100,
        "status": 0,
        "end": End.ANSWERED,
        "request": request,
        "answer": answer,
        "request_size": len(request),
        "answer_size": len(answer),
        "request_messages": 1,
        "answer_messages": 1,
        "user_agent": b"grpc-python/1.85.1",
    }
    return CapturedCall(**values | changes)
