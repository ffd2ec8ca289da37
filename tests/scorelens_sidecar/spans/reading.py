"""Reads spans back with OpenTelemetry's own classes."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.spans import decode, encode, encode_request, encode_resource

LIMIT = 2**20


def export_of(call: CapturedCall) -> bytes:
    """Convert a call to a whole export request."""
    resource = encode_resource({"service.name": "scorelens-sidecar"})
    return encode_request(resource, [span.data for span in encode(decode(call, LIMIT), "scorer.local")])


def spans_of(call: CapturedCall) -> list[dict[str, Any]]:
    """Convert a call and return its spans as plain values."""
    request = ExportTraceServiceRequest.FromString(export_of(call))
    return [_span(span) for span in request.resource_spans[0].scope_spans[0].spans]


def _span(span: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "kind": span.kind,
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "status": [span.status.code, span.status.message],
        "attributes": plain(span.attributes),
        "events": [
            {"name": event.name, "time": event.time_unix_nano, "attributes": plain(event.attributes)}
            for event in span.events
        ],
    }


def plain(attributes: Any) -> dict[str, Any]:
    """Return attributes as a dict; a name that is there twice is a fault."""
    values = {pair.key: _value(pair.value) for pair in attributes}
    assert len(values) == len(attributes)
    return values


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
