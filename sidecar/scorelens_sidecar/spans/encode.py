"""Decoded calls as OTLP spans: one of the call, and below it one per document that stands for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scorelens import conventions as names
from scorelens_runtime.wire import field
from scorelens_sidecar.captured import NO_STATUS, CapturedCall, End, Part
from scorelens_sidecar.spans.decode import DecodedCall, ScoredDocument
from scorelens_sidecar.spans.document import encode_calculations, encode_document, encode_result, span_attributes
from scorelens_sidecar.spans.wire import double, fixed64_field, integer, number_field, text, texts

DOCUMENT_SPAN = "document"
KIND_INTERNAL, KIND_SERVER = 1, 2
STATUS_ERROR = 2
OK = 0
ERROR_STATUSES = {
    2: "UNKNOWN",
    4: "DEADLINE_EXCEEDED",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
}
"""What OpenTelemetry counts as the server's error; any other status is the caller's."""
_HASHES = {"request": names.REQUEST_HASH, "answer": names.ANSWER_HASH}
ERROR_ENDS = frozenset((End.RESET_BY_SERVER, End.CONNECTION_LOST, End.WITHHELD))


@dataclass(frozen=True, slots=True)
class EncodedSpan:
    """A span's protobuf bytes, and what a person needs to name it; `record_id` is empty for a span without record."""

    data: bytes
    trace_id: str
    span_id: str
    record_id: str = ""
    document_id: str = ""
    customer_id: str = ""


def encode(decoded: DecodedCall, server_address: str = "") -> Iterator[EncodedSpan]:
    """Yield the spans of a decoded call, one at a time; `server_address` names the server behind the relay.

    The spans of documents repeat what was said of the call, because collectors split batches.
    """
    common = _common(decoded, server_address)
    for scored in decoded.documents:
        yield _document_span(decoded, scored, common)
    if not (decoded.in_stream and decoded.documents):
        yield _call_span(decoded, common)


def stands_alone(decoded: DecodedCall) -> bool:
    """Tell whether the call becomes a record of its own, because no document's record tells of it.

    The end of a stream that answered is told only when it failed: its documents are recorded with their messages.
    """
    call = decoded.call
    if call.part is Part.CLOSING and call.path.decode(errors="replace") == names.SCORE_STREAM_PATH:
        return not (call.answer_messages and call.end is End.ANSWERED and call.status == OK)
    return not decoded.documents and not decoded.forgotten


def split_path(path: bytes) -> tuple[str, str]:
    """Return service and method of a gRPC path."""
    service, _, method = path.decode(errors="replace").removeprefix("/").rpartition("/")
    return service, method


def span_times(call: CapturedCall) -> tuple[int, int]:
    """Return start and end in nanoseconds of Unix time.

    A message of a stream, which may be open for days, is as old as its answer, not as its call.
    """
    end = call.started_ns + call.ended_us * 1000
    return (end if call.part is Part.MESSAGE else call.started_ns), end


def _document_span(decoded: DecodedCall, scored: ScoredDocument, common: bytes) -> EncodedSpan:
    call, identity = decoded.call, scored.identity
    own = [
        text(names.RECORD, names.RECORD_DOCUMENT),
        text(names.RECORD_ID, identity.record_id),
        integer(names.DOCUMENT_NUMBER, scored.number),
    ]
    if scored.fault:
        own.append(text(names.CAPTURE_ERROR, scored.fault))
    data = b"".join(
        (
            _head(call, identity.span_id, call.span_id, DOCUMENT_SPAN, KIND_INTERNAL),
            span_attributes(own),
            common,
            encode_document(scored.document),
            encode_result(scored.result, scored.calculation),
            encode_calculations(scored.calculation, span_times(call)[1]),
        )
    )
    document = scored.document
    ids = (identity.record_id, document.id, document.customer_id)
    return EncodedSpan(data, call.trace_id.hex(), identity.span_id.hex(), *ids)


def _call_span(decoded: DecodedCall, common: bytes) -> EncodedSpan:
    call = decoded.call
    own, record_id = [], ""
    if stands_alone(decoded):
        record_id = decoded.identity.record_id
        own = [text(names.RECORD, names.RECORD_CALL), text(names.RECORD_ID, record_id)]
    if decoded.fault:
        own.append(text(names.CAPTURE_ERROR, decoded.fault))
    if decoded.model.id:
        own += [text(names.MODEL_ID, decoded.model.id), text(names.MODEL_VERSION, decoded.model.version)]
    span_id, parent_id = call.span_id, call.parent_id
    if decoded.in_stream:
        span_id, parent_id = decoded.identity.span_id, call.span_id
    name = call.path.decode(errors="replace").removeprefix("/")
    data = _head(call, span_id, parent_id, name, KIND_SERVER) + span_attributes(own) + common + _status(call)
    return EncodedSpan(data, call.trace_id.hex(), span_id.hex(), record_id)


def _head(call: CapturedCall, span_id: bytes, parent_id: bytes, name: str, kind: int) -> bytes:
    start, end = span_times(call)
    return b"".join(
        (
            field(1, call.trace_id),
            field(2, span_id),
            field(4, parent_id) if len(parent_id) == 8 else b"",
            field(5, name.encode()),
            number_field(6, kind),
            fixed64_field(7, start),
            fixed64_field(8, end),
        )
    )


def _status(call: CapturedCall) -> bytes:
    if call.end in ERROR_ENDS:
        reason = call.end.name.lower().replace("_", " ")
    elif call.status in ERROR_STATUSES:
        reason = ERROR_STATUSES[call.status]
    else:
        return b""
    return field(15, field(2, reason.encode()) + number_field(3, STATUS_ERROR))


def _common(decoded: DecodedCall, server_address: str) -> bytes:
    return span_attributes(_common_attributes(decoded, server_address))


def _common_attributes(decoded: DecodedCall, server_address: str) -> Iterator[bytes]:
    call = decoded.call
    service, method = split_path(call.path)
    yield integer(names.SCHEMA, names.SCHEMA_VERSION)
    yield text(names.PURPOSE, call.purpose.decode(errors="replace") or names.DEFAULT_PURPOSE)
    yield double(names.SAMPLING_PROBABILITY, call.sampling_probability)
    yield integer(names.MESSAGE_NUMBER, call.message_number)
    yield integer(names.REQUEST_SIZE, call.request_size)
    yield integer(names.ANSWER_SIZE, call.answer_size)
    yield integer(names.REQUEST_MESSAGES, call.request_messages)
    yield integer(names.ANSWER_MESSAGES, call.answer_messages)
    yield text(names.RPC_SYSTEM, "grpc")
    yield text(names.RPC_SERVICE, service)
    yield text(names.RPC_METHOD, method)
    if call.status != NO_STATUS:
        yield integer(names.RPC_STATUS_CODE, call.status)
    if call.end is not End.OPEN:
        yield text(names.END_REASON, call.end.name.lower())
    if decoded.truncated:
        yield texts(names.TRUNCATED, decoded.truncated)
    for side, name in _HASHES.items():
        if side in decoded.hashes:
            yield text(name, decoded.hashes[side].hex())
    if server_address:
        yield text(names.SERVER_ADDRESS, server_address)
    if call.user_agent:
        yield text(names.USER_AGENT, call.user_agent.decode(errors="replace"))
