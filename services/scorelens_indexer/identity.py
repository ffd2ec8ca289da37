"""Who a span is: the same span always gets the same identity, so that a resend meets its twin."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from scorelens import conventions as names
from scorelens_indexer.attribute_bytes import read_readable

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8

_RECORD_ID: Final = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class Identity:
    """What can be told of a span whatever is wrong with it; what cannot be told is empty."""

    record_id: str
    document_id: str
    customer_id: str
    trace_id: str
    span_id: str


def has_ids(span: Any) -> bool:
    """Tell whether a span has ids of trace and span of the lengths that OTLP demands."""
    return len(span.trace_id) == TRACE_ID_BYTES and len(span.span_id) == SPAN_ID_BYTES


def record_id(span: Any, given: str) -> str:
    """Return the 32 hexadecimal digits that the sender gave, or else a hash of what is the span's own."""
    if _RECORD_ID.fullmatch(given):
        return given.lower()
    # Without valid ids only the whole content tells one span from another.
    own = span.trace_id + span.span_id if has_ids(span) else span.SerializeToString(deterministic=True)
    return hashlib.blake2b(own, digest_size=16).hexdigest()


def identify(span: Any) -> Identity:
    """Read a span's identity; never fails."""
    attributes = read_readable(span.attributes)
    return Identity(
        record_id(span, _text(attributes.get(names.RECORD_ID))),
        _text(attributes.get(names.DOCUMENT_ID)),
        _text(attributes.get(names.CUSTOMER_ID)),
        span.trace_id.hex(),
        span.span_id.hex(),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
