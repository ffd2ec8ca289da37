"""OTLP's messages, with the attributes and events of a span left as bytes.

A calculation is one event with some hundred numbers, and a document has ten of them; attribute_bytes.py and
calculation_bytes.py read most without a message object each. On the wire a message and its bytes are the same, so these
classes read and write what everybody else's do.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import DESCRIPTOR as TRACE_FILE
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scorelens_indexer.errors import MalformedError, PermanentError

_AS_BYTES: Final = ("attributes", "events")


def _request_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    _add(pool, trace_service_pb2.DESCRIPTOR, set())
    found = pool.FindMessageTypeByName(trace_service_pb2.ExportTraceServiceRequest.DESCRIPTOR.full_name)
    return message_factory.GetMessageClass(found)


def _add(pool: Any, file: Any, done: set[str]) -> None:
    """Add a file and what it imports to a pool of its own."""
    if file.name in done:
        return
    done.add(file.name)
    for imported in file.dependencies:
        _add(pool, imported, done)
    proto = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)
    if file is TRACE_FILE:
        (span,) = (message for message in proto.message_type if message.name == "Span")
        for field in span.field:
            if field.name in _AS_BYTES:
                field.ClearField("type_name")
                field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    pool.AddSerializedFile(proto.SerializeToString())


Request: Final = _request_class()
"""ExportTraceServiceRequest, whose spans have `attributes` and `events` as lists of bytes."""


def parse(request: bytes) -> Any:
    """Return the request in the bytes. Raises MalformedError."""
    try:
        return Request.FromString(request)
    except DecodeError as error:
        raise MalformedError("the request is not an ExportTraceServiceRequest of OTLP") from error


def parse_event(event: bytes) -> Any:
    """Return the event in the bytes. Raises PermanentError."""
    try:
        return Span.Event.FromString(event)
    except DecodeError as error:
        raise PermanentError("one of the span's events is not an event of OTLP") from error
