"""What a request must be, and the field that is named where it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import grpc

from scorelens.v1.scorer_pb2 import Document, ScoreRequest

Code = grpc.StatusCode


class RefusedError(Exception):
    """A request that is not scored: its status and the text for the caller."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        """Keep both."""
        super().__init__(text)
        self.code, self.text = code, text


@dataclass(frozen=True)
class Limits:
    """Most documents in a request, bytes of text in a document, and bytes in an answer."""

    documents: int
    text: int
    answer: int


def check(request: ScoreRequest, limits: Limits) -> None:
    """Raise RefusedError for a request that cannot be scored."""
    count = len(request.documents)
    if not count:
        raise RefusedError(Code.INVALID_ARGUMENT, "documents: is empty; send at least one")
    if count > limits.documents:
        raise RefusedError(
            Code.RESOURCE_EXHAUSTED,
            f"documents: {count} in one request, more than the {limits.documents} that this server takes; send fewer",
        )
    if request.model_version and not request.model:
        raise RefusedError(Code.INVALID_ARGUMENT, "model_version: needs model; name the model, too, or neither")
    for place, document in enumerate(request.documents):
        _check_document(document, f"documents[{place}]", limits)


def _check_document(document: Document, where: str, limits: Limits) -> None:
    for name in ("text", "title"):
        text = getattr(document, name)
        if len(text) * 4 > limits.text and (size := len(text.encode())) > limits.text:
            raise RefusedError(
                Code.INVALID_ARGUMENT,
                f"{where}.{name}: {size} bytes, more than the {limits.text} that this server takes in one document",
            )
    for place, event in enumerate(document.events):
        if not (math.isfinite(event.amount) and math.isfinite(event.balance)):
            name = "balance" if math.isfinite(event.amount) else "amount"
            raise RefusedError(
                Code.INVALID_ARGUMENT,
                f"{where}.events[{place}].{name}: {getattr(event, name)} is not a finite number",
            )
