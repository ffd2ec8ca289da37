"""Captured calls as OpenTelemetry spans. Pure: bytes in, bytes out; docs/spans.md lists the attributes."""

from scorelens_sidecar.spans.decode import DecodedCall, InvalidCallError, ScoredDocument, decode
from scorelens_sidecar.spans.encode import EncodedSpan, encode
from scorelens_sidecar.spans.resource import encode_request, encode_resource

__all__ = [
    "DecodedCall",
    "EncodedSpan",
    "InvalidCallError",
    "ScoredDocument",
    "decode",
    "encode",
    "encode_request",
    "encode_resource",
]
