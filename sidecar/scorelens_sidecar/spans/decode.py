"""What a captured call says: its documents, each with what the models answered and how they calculated it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from scorelens import conventions as names
from scorelens.v1.scorer_pb2 import (
    Document,
    DocumentCalculation,
    ModelRef,
    Result,
    ScoreRequest,
    ScoreResponse,
    TagScore,
)
from scorelens_sidecar.captured import CapturedCall, End, Part
from scorelens_sidecar.spans.beginning import read_beginning
from scorelens_sidecar.spans.compression import UndecodableError, decompress
from scorelens_sidecar.spans.identity import Identity, identify

Decodable = TypeVar("Decodable", bound=Message)

SCORING_PATHS = frozenset((names.SCORE_PATH.encode(), names.SCORE_STREAM_PATH.encode()))
SIDES = ("request", "answer")
BLANK_FIELD = 15
"""Field that the contract uses in no document, result or calculation; what was forgotten is filled with it."""
NO_ANSWER = frozenset((End.WITHHELD, End.REFUSED))
"""Ends after which the caller has no answer, whatever the scorer said."""


class _MessageError(Exception):
    def __init__(self, side: str, reason: str) -> None:
        super().__init__(f"the {side} {reason}")
        self.side = side


class InvalidCallError(ValueError):
    """A captured call that no span can be made of; the text names the field."""


@dataclass(slots=True)
class ScoredDocument:
    """One document of a call and what was said of it; the messages are empty where their side had none."""

    number: int
    identity: Identity
    document: Document
    result: Result
    calculation: DocumentCalculation
    fault: str = ""

    @property
    def model(self) -> ModelRef:
        """Return the model that answered."""
        return self.result.model if self.result.HasField("model") else self.calculation.model

    @property
    def is_scored(self) -> bool:
        """Tell whether anything was said of the document."""
        return bool(self.result.ByteSize() or self.calculation.ByteSize())


@dataclass(slots=True)
class DecodedCall:
    """A captured call and its documents.

    `fault` says why there are none, or not all that there was, although the contract has some; `truncated` names the
    messages, "request" or "answer", of which only the beginning was kept; `hashes` has the SHA-256 of those and of each
    that could not be decoded; `forgotten` counts documents that somebody asked to forget.
    """

    call: CapturedCall
    identity: Identity
    documents: list[ScoredDocument] = field(default_factory=list)
    truncated: tuple[str, ...] = ()
    hashes: dict[str, bytes] = field(default_factory=dict)
    fault: str = ""
    model: ModelRef = field(default_factory=ModelRef)
    forgotten: int = 0

    def forget(self, is_forgotten: Callable[[ScoredDocument], bool]) -> None:
        """Leave documents out, as if only the others had been scored."""
        kept = [scored for scored in self.documents if not is_forgotten(scored)]
        self.forgotten += len(self.documents) - len(kept)
        self.documents = kept

    def cut(self, side: str, digest: bytes) -> None:
        """Note that only the beginning of a message was kept; `digest` is the SHA-256 of the whole."""
        self.truncated = (*self.truncated, side)
        self.hashes[side] = digest

    @property
    def in_stream(self) -> bool:
        """Tell whether this is one message of a streaming call."""
        return self.call.part is Part.MESSAGE


def decode(call: CapturedCall, limit: int) -> DecodedCall:
    """Decode a captured call.

    `limit` is the most bytes a compressed message may grow to. Whatever its messages hold, a call is decoded: a fault
    is told in `fault`. Raises InvalidCallError for ids that no span may have.
    """
    if len(call.trace_id) != 16 or not any(call.trace_id):
        raise InvalidCallError("the trace id is not 16 bytes with at least one that is not zero")
    if len(call.span_id) != 8 or not any(call.span_id):
        raise InvalidCallError("the span id is not 8 bytes with at least one that is not zero")
    decoded = DecodedCall(call, identify(call.trace_id, call.span_id, call.message_number))
    for side in SIDES:
        if digest := getattr(call, f"{side}_sha256"):
            decoded.cut(side, digest)
    if call.path not in SCORING_PATHS or call.part is Part.CLOSING:
        return decoded
    try:
        request = _parse(ScoreRequest, "request", decoded, limit)
        decoded.model = ModelRef(id=request.model, version=request.model_version)
        if call.answer_messages or call.answer or call.answer_size:
            answer = _parse(ScoreResponse, "answer", decoded, limit)
            if call.end not in NO_ANSWER:
                decoded.documents = list(_pair(decoded, request, answer))
    except _MessageError as error:
        decoded.fault = str(error)
        decoded.hashes.setdefault(error.side, hashlib.sha256(getattr(call, error.side)).digest())
    else:
        decoded.fault = _cut_fault(decoded)
    if decoded.documents:
        decoded.model = decoded.documents[0].model
        decoded.forget(_is_blanked)
    return decoded


def _is_blanked(scored: ScoredDocument) -> bool:
    """Tell whether a document was taken out of its record after the fact (forgetting/messages.py)."""
    if scored.document.id or scored.document.text:
        return False
    parts: tuple[Message, ...] = (scored.document, scored.result, scored.calculation)
    if any(part.ListFields() for part in parts):
        return False
    return any(_is_filled(UnknownFieldSet(part)) for part in parts)


def _is_filled(unknown: UnknownFieldSet) -> bool:
    return any(unknown[place].field_number == BLANK_FIELD for place in range(len(unknown)))


def _parse(kind: type[Decodable], side: str, decoded: DecodedCall, limit: int) -> Decodable:
    """Read a message, or as much of it as was kept."""
    call = decoded.call
    message, is_kept_whole = getattr(call, side), side not in decoded.truncated
    try:
        plain, is_whole = decompress(message, getattr(call, f"{side}_encoding"), limit, is_kept_whole)
        if is_whole:
            return kind.FromString(plain)
        if is_kept_whole:
            decoded.cut(side, hashlib.sha256(message).digest())
        return read_beginning(kind, plain)
    except UndecodableError as error:
        raise _MessageError(side, str(error)) from error
    except DecodeError as error:
        raise _MessageError(side, f"is not a valid {kind.DESCRIPTOR.full_name}") from error


def _cut_fault(decoded: DecodedCall) -> str:
    sides = " and the ".join(decoded.truncated)
    return (
        f"the {sides} {'is' if len(decoded.truncated) == 1 else 'are'} larger than the capture limit" if sides else ""
    )


def _pair(decoded: DecodedCall, request: ScoreRequest, answer: ScoreResponse) -> Iterator[ScoredDocument]:
    """Put together what stands at the same place of request and answer, as the contract orders them.

    Of an answer that was cut the results, which come last, are missing; the calculations say the same.
    """
    call, cut = decoded.call, _cut_fault(decoded)
    mismatch = cut or _mismatch(request, answer)
    calculations = answer.calculations.documents
    count = max(len(request.documents), len(answer.results)) or len(calculations)
    surplus = (
        "" if len(calculations) <= count else f"{count} documents were answered with {len(calculations)} calculations"
    )
    pairs = zip_longest(request.documents, answer.results, calculations[:count])
    for number, (document, result, calculation) in enumerate(pairs):
        fault = mismatch if document is None or result is None else cut or _id_mismatch(document, result) or surplus
        if result is None:
            result = _result_of(calculation) if calculation is not None and "answer" in decoded.truncated else Result()
        if document is None or (cut and not document.id):  # cut away, while the answer still has its id
            document = document or Document()
            document.id = result.document_id or (calculation.document_id if calculation is not None else "")
        yield ScoredDocument(
            number,
            identify(call.trace_id, call.span_id, call.message_number, number),
            document,
            result,
            calculation if calculation is not None else DocumentCalculation(),
            fault,
        )


def _result_of(calculation: DocumentCalculation) -> Result:
    tags = [TagScore(tag=tag.tag, probability=tag.probability, selected=tag.selected) for tag in calculation.tags]
    return Result(document_id=calculation.document_id, model=calculation.model, tags=tags)


def _mismatch(request: ScoreRequest, answer: ScoreResponse) -> str:
    return f"{len(request.documents)} documents were answered with {len(answer.results)} results"


def _id_mismatch(document: Document, result: Result) -> str:
    return "" if result.document_id == document.id else "the result at this place is of another document"
