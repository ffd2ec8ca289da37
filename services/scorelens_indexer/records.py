"""Spans to records: a pure function from OTLP to the shape of docs/records.md."""

from __future__ import annotations

from typing import Any, Final

from grpc import StatusCode

from scorelens import conventions as names
from scorelens_indexer import times
from scorelens_indexer.attribute_bytes import read_attributes
from scorelens_indexer.attributes import Attributes, filled
from scorelens_indexer.document import read_document
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.flags import ANSWER_TRUNCATED, TEXT_TRUNCATED
from scorelens_indexer.identity import SPAN_ID_BYTES, TRACE_ID_BYTES, has_ids, record_id
from scorelens_indexer.scores import read_scores
from scorelens_store.contract import Record

_STATUSES: Final = {code.value[0]: code.name for code in StatusCode}
_TRUNCATED: Final = {"request": TEXT_TRUNCATED, "answer": ANSWER_TRUNCATED}

_CALL_TEXTS: Final = {
    "end": names.END_REASON,
    "request_sha256": names.REQUEST_HASH,
    "answer_sha256": names.ANSWER_HASH,
    "error": names.CAPTURE_ERROR,
}


def read_record(span: Any, origin: dict[str, Any]) -> Record | None:
    """Return the record of a span from a resource (`read_origin`), or None for a span that is not meant to be one.

    Raises PermanentError that names the attribute at fault.
    """
    attributes = Attributes(read_attributes(span.attributes))
    if names.RECORD not in attributes:
        return None
    kind = attributes.text(names.RECORD)
    flags: set[str] = set()
    record = _head(span, attributes, kind) | _model(attributes) | origin
    if kind == names.RECORD_DOCUMENT:
        flags.update(_TRUNCATED[side] for side in attributes.texts(names.TRUNCATED) if side in _TRUNCATED)
        record |= read_document(attributes, flags)
        record |= read_scores(span, attributes, flags)
    return record | {"flags": sorted(flags), "labels": {}}


def _head(span: Any, attributes: Attributes, kind: str) -> Record:
    _check(span, kind)
    return {
        "@timestamp": times.from_unix_nanoseconds(span.start_time_unix_nano),
        "schema_version": _schema_version(attributes),
        "record": {"id": record_id(span, attributes.text(names.RECORD_ID, "")), "type": kind},
        "purpose": attributes.text(names.PURPOSE, "") or names.DEFAULT_PURPOSE,
        "trace": {"id": span.trace_id.hex()},
        "span": filled({"id": span.span_id.hex(), "parent_id": span.parent_span_id.hex()}),
        "rpc": _rpc(span, attributes),
        "sampling": {"probability": _sampling_probability(attributes)},
    } | filled(
        {
            "message": _integers(attributes, {"number": names.MESSAGE_NUMBER}),
            "call": _call(attributes),
        }
    )


def _check(span: Any, kind: str) -> None:
    if kind not in (names.RECORD_DOCUMENT, names.RECORD_CALL):
        raise PermanentError(f"{names.RECORD} is {kind!r}, not document or call")
    if not has_ids(span):
        raise PermanentError(
            f"trace_id has {len(span.trace_id)} bytes and span_id {len(span.span_id)}; "
            f"they must have {TRACE_ID_BYTES} and {SPAN_ID_BYTES}"
        )
    if not span.start_time_unix_nano:
        raise PermanentError("start_time_unix_nano is missing")


def _schema_version(attributes: Attributes) -> int:
    version = attributes.integer(names.SCHEMA, names.SCHEMA_VERSION)
    if not 1 <= version <= names.SCHEMA_VERSION:
        raise PermanentError(
            f"{names.SCHEMA} is {version}; this indexer knows up to {names.SCHEMA_VERSION}: upgrade it"
        )
    return version


def _rpc(span: Any, attributes: Attributes) -> dict[str, Any]:
    rpc: dict[str, Any] = filled(
        {"service": attributes.text(names.RPC_SERVICE, ""), "method": attributes.text(names.RPC_METHOD, "")}
    )
    if names.RPC_STATUS_CODE in attributes:
        code = attributes.integer(names.RPC_STATUS_CODE)
        rpc["status"] = _STATUSES.get(code, str(code))
    if span.end_time_unix_nano >= span.start_time_unix_nano:
        rpc["duration_ms"] = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
    return rpc | _integers(attributes, {"request_bytes": names.REQUEST_SIZE, "answer_bytes": names.ANSWER_SIZE})


def _integers(attributes: Attributes, wanted: dict[str, str]) -> dict[str, int]:
    return {key: attributes.integer(name) for key, name in wanted.items() if name in attributes}


def _sampling_probability(attributes: Attributes) -> float:
    probability = attributes.number(names.SAMPLING_PROBABILITY, 1.0)
    if not 0 < probability <= 1:
        raise PermanentError(f"{names.SAMPLING_PROBABILITY} is {probability}, not above 0 and up to 1")
    return probability


def _call(attributes: Attributes) -> dict[str, Any]:
    texts = {key: attributes.text(name, "") for key, name in _CALL_TEXTS.items()}
    return filled({**texts, "truncated": attributes.texts(names.TRUNCATED)})


def _model(attributes: Attributes) -> dict[str, Any]:
    model = {"id": attributes.text(names.MODEL_ID, ""), "version": attributes.text(names.MODEL_VERSION, "")}
    return {"model": model} if any(model.values()) else {}
