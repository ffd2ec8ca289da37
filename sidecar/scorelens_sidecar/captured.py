"""What the relay records of a call: plain values and bytes, nothing decoded."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

NO_STATUS = 0xFFFF
"""Stands for the gRPC status of a call that ended without one."""


class Part(IntEnum):
    """Which part of a call a record holds."""

    UNARY = 0  # a whole call with one answer
    MESSAGE = 1  # one answer message of a streaming call, with the request message it answers
    CLOSING = (
        2  # the end of a streaming call, or of any call outside the scoring contract: sizes and status, no payload
    )


class End(IntEnum):
    """How a call ended; MESSAGE parts have OPEN."""

    OPEN = 0
    ANSWERED = 1  # trailers came
    RESET_BY_CLIENT = 2
    RESET_BY_SERVER = 3
    CONNECTION_LOST = 4  # either connection ended first
    WITHHELD = 5  # the answer was not shaped as the contract says and was not let through
    REFUSED = 6  # the relay itself refused the call


class CapturedCall(NamedTuple):
    """One record of the spool, before it has a sequence number.

    Sizes count message bytes as sent, without gRPC's five-byte prefix. `request` and `answer` are the messages
    themselves, still compressed where `*_encoding` says so; a message over the capture limit is cut to the limit, and
    its `*_sha256` (32 bytes) is of the whole. Header values that are absent are empty.
    """

    # In the order of the spool's format: first NUMBERS fields of fixed size, then bytes of any length.
    part: Part
    end: End
    trace_id: bytes  # 16 bytes, of the caller's traceparent or made by the relay
    span_id: bytes  # 8 bytes, the call's own, made by the relay
    started_ns: int  # Unix time
    first_answer_us: int = 0  # microseconds since the start; 0 without an answer
    ended_us: int = 0  # microseconds since the start; of a MESSAGE, when it was recorded
    status: int = NO_STATUS
    message_number: int = 0
    request_size: int = 0
    answer_size: int = 0
    request_messages: int = 0
    answer_messages: int = 0
    sampling_probability: float = 1.0
    path: bytes = b""
    parent_id: bytes = b""  # 8 bytes of the caller's traceparent, or empty
    request_encoding: bytes = b""  # "gzip" ... for a compressed message, empty for a plain one
    answer_encoding: bytes = b""
    request_sha256: bytes = b""
    answer_sha256: bytes = b""
    purpose: bytes = b""
    user_agent: bytes = b""
    request: bytes = b""
    answer: bytes = b""


NUMBERS: Final = 14
"""Fields of a captured call that have a fixed size."""
