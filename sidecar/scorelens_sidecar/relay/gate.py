"""Keeps to the caller's flow-control windows where the relay itself decides when bytes go on.

Frames that pass through need no gate: the upstream keeps to the windows. An answer that is rewritten does, since the
relay has let the upstream send it all before the first byte of it goes on. From then on the relay gives credit to the
upstream itself, and what the caller has no window for waits here, in order. In order also with header blocks, which
HPACK does not allow to overtake each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from scorelens_sidecar.relay.frames import (
    DATA,
    END_STREAM,
    HEAD_SIZE,
    HEADERS,
    LEAST_MAX_FRAME,
    MAX_STREAM,
    PADDED,
    PING,
    RST_STREAM,
    WINDOW_UPDATE,
    frame,
    read_head,
    unpadded,
)

Queued = tuple[int, int, int, bytes]
"""Type, flags, stream, payload."""


def frames_in(data: bytes) -> Iterator[Queued]:
    """Split whole frames."""
    at = 0
    while at < len(data):
        high, low, kind, flags, stream = read_head(data, at)
        end = at + HEAD_SIZE + (high << 8 | low)
        yield kind, flags, stream & MAX_STREAM, data[at + HEAD_SIZE : end]
        at = end


class Gate:
    """The caller's windows, and the frames that wait for them.

    Made with the windows that will be left once the frames that are on their way have gone; those are given to `expect`
    before they are given to `let`.
    """

    def __init__(self, window: int, streams: Mapping[int, int]) -> None:
        self.window = window
        self.streams = dict(streams)
        self.queued: dict[int, int] = {}  # DATA bytes that wait, by stream
        self._queue: deque[Queued] = deque()

    @property
    def waiting(self) -> int:
        """DATA bytes that wait."""
        return sum(self.queued.values())

    @property
    def first(self) -> int:
        """The stream that everything else waits for; 0 when nothing waits."""
        return self._queue[0][2] if self._queue else 0

    def expect(self, frames: bytes) -> None:
        """Count frames back in that the windows were already charged for."""
        for kind, _, stream, payload in frames_in(frames):
            if kind == DATA:
                self.window += len(payload)
                self.streams[stream] = self.streams.get(stream, 0) + len(payload)

    def open(self, stream: int, window: int) -> None:
        """Begin with a stream's window."""
        self.streams[stream] = window

    def grant(self, stream: int, increment: int) -> None:
        """Take a WINDOW_UPDATE of the caller."""
        if stream == 0:
            self.window += increment
        elif stream in self.streams:
            self.streams[stream] += increment

    def shift(self, difference: int) -> None:
        """Take a change of the caller's SETTINGS_INITIAL_WINDOW_SIZE."""
        for stream in self.streams:
            self.streams[stream] += difference

    def forget(self, stream: int) -> None:
        """Let go of a stream that was reset; its header blocks still go on, for HPACK's sake."""
        self.streams.pop(stream, None)
        if self.queued.pop(stream, 0):
            self._queue = deque(item for item in self._queue if item[2] != stream or item[0] != DATA)

    def let(self, frames: bytes) -> bytes:
        """Take frames; return what may go on now."""
        out: list[bytes] = []
        for kind, flags, stream, payload in frames_in(frames):
            if kind in (WINDOW_UPDATE, PING):
                out.append(frame(kind, flags, stream, payload))
                continue
            if kind == RST_STREAM:
                self.forget(stream)
            if kind == DATA and flags & PADDED:
                payload, flags = unpadded(payload), flags & ~PADDED
            if kind == DATA and payload:
                self.queued[stream] = self.queued.get(stream, 0) + len(payload)
            self._queue.append((kind, flags, stream, payload))
        return b"".join(out) + self.drain()

    def drain(self) -> bytes:
        """Return what the windows allow by now."""
        out: list[bytes] = []
        while self._queue:
            kind, flags, stream, payload = self._queue.popleft()
            if kind == DATA and payload:
                room = max(0, min(self.window, self.streams.get(stream, 0), LEAST_MAX_FRAME))
                if room < len(payload):
                    self._queue.appendleft((kind, flags, stream, payload[room:]))
                    if not room:
                        break
                    payload, flags = payload[:room], flags & ~END_STREAM
                self._spend(stream, len(payload))
            out.append(frame(kind, flags, stream, payload))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.streams.pop(stream, None)
        return b"".join(out)

    def _spend(self, stream: int, size: int) -> None:
        self.window -= size
        self.streams[stream] -= size
        left = self.queued[stream] - size
        if left:
            self.queued[stream] = left
        else:
            del self.queued[stream]
