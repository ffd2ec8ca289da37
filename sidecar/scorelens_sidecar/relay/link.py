"""What the two sides of a connection share: the calls between them, and how those end."""

from __future__ import annotations

from typing import Final

from scorelens_sidecar.captured import NO_STATUS, End
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.capture import RESOURCE_EXHAUSTED, Call, Capture, Request
from scorelens_sidecar.relay.flow import Flow
from scorelens_sidecar.relay.frames import HEAD_SIZE, LEAST_MAX_FRAME, MAX_STREAM, PADDED, WITH_PRIORITY, PeerError
from scorelens_sidecar.relay.headers import AnswerHead, HeaderReader, answer_head

FRAMED: Final = PADDED | WITH_PRIORITY
"""Flags of a HEADERS frame that holds more than its part of the block."""
_LARGEST_BLOCK: Final = 2**20
"""Most bytes of a header block as it is sent, since it is held until it is whole."""
_FRAME_COST: Final = 128
"""What a frame takes beside its bytes, so that empty ones do not come for nothing."""


class Link:
    """The state that a caller's frames and the upstream's frames both change."""

    __slots__ = (
        "answers",
        "away",
        "calls",
        "capture",
        "drained",
        "draining",
        "flow",
        "largest_from_client",
        "largest_from_upstream",
        "last",
        "leaving",
        "requests",
        "resets",
        "served",
        "to_client",
        "to_upstream",
    )

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.to_client: list[bytes] = []
        self.to_upstream: list[bytes] = []
        self.resets: list[bytes] = []  # for the upstream, after the frames of this read
        self.calls: dict[int, Call] = {}
        self.flow = Flow(self.calls, self.to_client, self.to_upstream, capture.budget)
        self.requests: HeaderReader[Request] = HeaderReader(capture.request)
        self.answers: HeaderReader[AnswerHead] = HeaderReader(answer_head)
        self.largest_from_client = self.largest_from_upstream = LEAST_MAX_FRAME
        self.last = 0  # the caller's latest stream
        self.served = MAX_STREAM  # the latest stream that a GOAWAY promised to serve
        self.draining = self.drained = self.away = False
        self.leaving = False  # the upstream has said that it will end

    def end(self, call: Call, end: End, status: int = NO_STATUS) -> None:
        """Close a call."""
        del self.calls[call.stream]
        if call.strip is not None or self.flow.owed:
            self.flow.over(call)
        self.capture.close(call, end, status)

    def end_midway(self, call: Call, end: End) -> bytes:
        """Reset a call on both sides; returns the caller's reset.

        Header blocks that still come for the call go on, for HPACK's sake. gRPC libraries read ENHANCE_YOUR_CALM as
        RESOURCE_EXHAUSTED.
        """
        withheld = end is End.WITHHELD
        self.resets.append(h2.rst_stream(call.stream, h2.CANCEL))
        self.flow.forget(call.stream)
        self.end(call, end, NO_STATUS if withheld else RESOURCE_EXHAUSTED)
        return h2.rst_stream(call.stream, h2.INTERNAL_ERROR if withheld else h2.ENHANCE_YOUR_CALM)

    def end_all(self, end: End) -> None:
        """Close every call."""
        for call in list(self.calls.values()):
            self.end(call, end)


class Block:
    """A header block whose end has not arrived.

    It is let go whole, so that frames of the relay never come between its parts.
    """

    __slots__ = ("flags", "frames", "parts", "size", "stream")

    def __init__(self, stream: int, flags: int, raw: bytes, part: bytes) -> None:
        self.stream, self.flags = stream, flags
        self.frames, self.parts, self.size = [raw], [part], len(raw)

    def add(self, raw: bytes) -> None:
        """Add a CONTINUATION frame."""
        self.frames.append(raw)
        self.parts.append(raw[HEAD_SIZE:])
        self.size += len(raw) + _FRAME_COST
        if self.size > _LARGEST_BLOCK:
            raise PeerError(h2.ENHANCE_YOUR_CALM, "a header block does not end")


def fragment(data: bytes, at: int, end: int, flags: int) -> bytes:
    """Return the part of a header block that a HEADERS frame holds; `at` is where its payload starts."""
    if flags & PADDED:
        padding = data[at] if at < end else 0
        at, end = at + 1, end - padding
    if flags & WITH_PRIORITY:
        at += 5
    if at > end:
        raise PeerError(h2.PROTOCOL_ERROR, "a HEADERS frame has more padding than bytes")
    return data[at:end]
