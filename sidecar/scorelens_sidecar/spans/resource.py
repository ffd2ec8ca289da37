"""The export request around spans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scorelens import conventions as names
from scorelens_runtime.wire import field
from scorelens_sidecar.spans import wire

ENVELOPE = 64
"""Most bytes that the messages around resource, scope and spans add to a request."""


def encode_resource(attributes: Mapping[str, str]) -> bytes:
    """Write the part of ResourceSpans that is the same in every request: the resource."""
    body = b"".join(field(wire.RESOURCE_ATTRIBUTES, wire.text(key, value)) for key, value in sorted(attributes.items()))
    return field(1, body)


_SCOPE = field(1, field(1, names.SCOPE_NAME.encode()) + field(2, str(names.SCHEMA_VERSION).encode()))


def encode_request(resource: bytes, spans: Iterable[bytes]) -> bytes:
    """Write an ExportTraceServiceRequest of encoded spans."""
    scope_spans = _SCOPE + b"".join([field(2, span) for span in spans])
    return field(1, resource + field(2, scope_spans))
