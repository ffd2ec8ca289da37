"""OTLP spans as a sidecar writes them, built by hand, for tests."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scorelens import conventions as names
from scorelens_indexer import otlp
from scorelens_store.contract import Record
from scorelens_store.values import encode

START = 1_795_341_600_123_456_789  # 2026-11-22T10:00:00.123456789Z

Values = Mapping[str, Any]


def any_value(value: Any) -> AnyValue:
    """Return a Python value as OTLP writes it."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    return AnyValue(array_value=ArrayValue(values=[any_value(part) for part in value]))


def key_values(values: Values) -> list[KeyValue]:
    """Return attributes as OTLP writes them; None leaves one out."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items() if value is not None]


def span(attributes: Values, events: Sequence[Span.Event] = (), number: int = 1, **fields: Any) -> Span:
    """Return a span of 3.1 ms; `number` tells spans apart."""
    whole: dict[str, Any] = {
        "name": "score",
        "trace_id": number.to_bytes(16, "big"),
        "span_id": number.to_bytes(8, "big"),
        "start_time_unix_nano": START,
        "end_time_unix_nano": START + 3_100_000,
    } | fields
    return Span(**whole, attributes=key_values(attributes), events=events)


def calculation(tag: str, terms: Mapping[str, float], intercept: float = -2.1, **changes: Any) -> Span.Event:
    """Return an exact calculation that adds up; `changes` replace attributes by the last part of their name."""
    margin = intercept + sum(terms.values()) + 0.05
    probability = 1 / (1 + math.exp(-margin))
    values: dict[str, Any] = {
        names.CALCULATION_TAG: tag,
        names.EXPLANATION: "exact",
        names.INTERCEPT: intercept,
        names.TERM_FEATURES: list(terms),
        names.TERM_VALUES: [0.5] * len(terms),
        names.TERM_COEFFICIENTS: [2 * contribution for contribution in terms.values()],
        names.TERM_CONTRIBUTIONS: list(terms.values()),
        names.REMAINDER: 0.05,
        names.REMAINDER_TERMS: 61,
        names.MARGIN: margin,
        names.LINK: "sigmoid",
        names.PROBABILITY: probability,
        names.THRESHOLD: 0.5,
        names.SELECTED: probability >= 0.5,
    }
    return Span.Event(name=names.CALCULATION_EVENT, attributes=key_values(values | changes))


def document(number: int = 1, changes: Values | None = None, tags: int = 2, terms: int = 2) -> Span:
    """Return the span of a scored document with its calculations."""
    words = [f"word {place}" for place in range(terms)]
    by_tag = {
        f"tag{tag}": {word: (2.0 + tag) / (place + 1) * (-1) ** place for place, word in enumerate(words)}
        for tag in range(tags)
    }
    events = [calculation(tag, values) for tag, values in by_tag.items()]
    margins = [-2.1 + sum(values.values()) + 0.05 for values in by_tag.values()]
    probabilities = [1 / (1 + math.exp(-margin)) for margin in margins]
    attributes = {
        names.RECORD: names.RECORD_DOCUMENT,
        names.SCHEMA: 1,
        names.RECORD_ID: hashlib.md5(str(number).encode()).hexdigest(),
        names.RPC_SERVICE: names.SCORER_SERVICE,
        names.RPC_METHOD: "Score",
        names.RPC_STATUS_CODE: 0,
        names.MESSAGE_NUMBER: 0,
        names.DOCUMENT_NUMBER: 0,
        names.DOCUMENT_ID: f"d-{number}",
        names.DOCUMENT_KIND: "tweet",
        names.DOCUMENT_TEXT: f"Still no refund {number}",
        names.MODEL_ID: "media-tagger",
        names.MODEL_VERSION: "1",
        names.TAG_IDS: list(by_tag),
        names.TAG_TITLES: [tag.title() for tag in by_tag],
        names.TAG_GROUPS: ["topic"] * tags,
        names.TAG_PROBABILITIES: probabilities,
        names.TAG_SELECTED: [probability >= 0.5 for probability in probabilities],
        names.TAG_MARGINS: margins,
        names.TAG_THRESHOLDS: [0.5] * tags,
    }
    return span(attributes | dict(changes or {}), events, number)


def export(*spans: Span, resource: Values | None = None) -> ExportTraceServiceRequest:
    """Return the request that exports spans of one resource."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.extend(key_values(resource or {names.SERVICE_NAME: "scorelens-sidecar"}))
    of_resource.scope_spans.add(spans=spans).scope.name = names.SCOPE_NAME
    return request


def raw(message: Any) -> Any:
    """Return a request, or a span, with its attributes and events as bytes, as the indexer reads it."""
    if isinstance(message, Span):
        return raw(export(message)).resource_spans[0].scope_spans[0].spans[0]
    return otlp.Request.FromString(message.SerializeToString())


def stored(record: Record) -> Record:
    """Return a record as every store gives it back. Raises RecordRefusedError for one that JSON cannot hold."""
    found: Record = orjson.loads(encode(record))
    return found
