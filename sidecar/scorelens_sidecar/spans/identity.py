"""Ids of records and spans: the same for the same part of the same call, however often it is sent."""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

NO_DOCUMENT = 0xFFFF_FFFF
"""Stands for the document number of what belongs to a whole message or call."""


class Identity(NamedTuple):
    """Id of a record, 32 hexadecimal digits, and the id of the span that carries it, 8 bytes."""

    record_id: str
    span_id: bytes


def identify(trace_id: bytes, call_span_id: bytes, message_number: int, document_number: int = NO_DOCUMENT) -> Identity:
    """Derive ids from a record's place: trace, call, answer message, and document of that message."""
    place = struct.pack("<QI", message_number, document_number)
    digest = hashlib.blake2b(trace_id + call_span_id + place, digest_size=24).digest()
    span_id = digest[16:]
    return Identity(digest[:16].hex(), span_id if any(span_id) else b"\0\0\0\0\0\0\0\1")
