"""Exports as the shipper sends them: made-up documents with calculations, every record with an id of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from scorelens.v1.scorer_pb2 import EXPLANATION_EXACT, ScoreRequest, ScoreResponse
from scorelens_sidecar.captured import CapturedCall, End, Part
from scorelens_sidecar.spans import decode, encode, encode_request, encode_resource

RESOURCE = {"service.name": "scorelens-sidecar", "service.instance.id": "bench"}
CALL_SIZE = 20  # documents of one call
WORDS = ["refund", "mortgage", "rate", "late", "helpful", "branch", "queue", "fee", "card", "app", "transfer", "still"]


def exports(documents: int, tags: int, terms: int, size: int = 100) -> Iterator[bytes]:
    """Yield requests of about `size` documents each, `documents` in all."""
    chance, resource = random.Random(7), encode_resource(RESOURCE)
    for start in range(0, documents, size):
        counts = [min(CALL_SIZE, documents - at) for at in range(start, min(start + size, documents), CALL_SIZE)]
        calls = [_call(chance, count, tags, terms) for count in counts]
        yield encode_request(resource, [span.data for call in calls for span in encode(decode(call, 2**26))])


def _call(chance: random.Random, documents: int, tags: int, terms: int) -> CapturedCall:
    request, answer = ScoreRequest(), ScoreResponse()
    for _ in range(documents):
        document_id = f"d-{chance.getrandbits(40)}"
        text = " ".join(chance.choices(WORDS, k=24))
        request.documents.add(id=document_id, kind="tweet", text=text, source="social", language="en", audience=120)
        result = answer.results.add(document_id=document_id)
        calculation = answer.calculations.documents.add(document_id=document_id)
        for part in (result, calculation):
            part.model.id, part.model.version = "media-tagger", "1"
        for number in range(tags):
            _add_tag(chance, result, calculation, f"tag-{number}", terms)
    return CapturedCall(
        part=Part.UNARY,
        path=b"/scorelens.v1.Scorer/Score",
        trace_id=chance.randbytes(16),
        span_id=chance.randbytes(8),
        started_ns=time.time_ns(),
        ended_us=3000,
        status=0,
        end=End.ANSWERED,
        request=request.SerializeToString(),
        answer=answer.SerializeToString(),
        request_messages=1,
        answer_messages=1,
    )


def _add_tag(chance: random.Random, result: object, calculation: object, name: str, terms: int) -> None:
    contributions = [chance.gauss(0, 0.5) for _ in range(terms)]
    margin = -2.1 + sum(contributions) + 0.1
    probability = 1 / (1 + 2.718281828459045**-margin)
    result.tags.add(  # type: ignore[attr-defined]
        tag=name, title=name.title(), group="topic", probability=probability, selected=probability >= 0.5
    )
    tag = calculation.tags.add(  # type: ignore[attr-defined]
        tag=name, explanation=EXPLANATION_EXACT, intercept=-2.1, margin=margin, probability=probability, threshold=0.5
    )
    tag.link.name, tag.selected, tag.remainder, tag.remainder_terms = "sigmoid", probability >= 0.5, 0.1, 61
    values = [chance.random() for _ in range(terms)]
    tag.terms.feature.extend(" ".join(chance.choices(WORDS, k=2)) for _ in range(terms))
    tag.terms.value.extend(values)
    tag.terms.coefficient.extend(part / value for part, value in zip(contributions, values, strict=True))
    tag.terms.contribution.extend(contributions)
