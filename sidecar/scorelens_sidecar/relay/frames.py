"""HTTP/2 frames: names, and how those that the relay makes itself are built (RFC 9113)."""

from __future__ import annotations

import struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_SIZE: Final = 9
MAX_STREAM: Final = 0x7FFFFFFF
LEAST_MAX_FRAME: Final = 16384
"""What every peer accepts, whatever its SETTINGS_MAX_FRAME_SIZE; the relay's own frames are never larger."""
FIRST_WINDOW: Final = 65535
"""Flow-control window of a connection at its start, and of a stream without SETTINGS_INITIAL_WINDOW_SIZE."""

DATA: Final = 0
HEADERS: Final = 1
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x01
ACK: Final = 0x01
END_HEADERS: Final = 0x04
PADDED: Final = 0x08
WITH_PRIORITY: Final = 0x20

HEADER_TABLE_SIZE: Final = 1
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5

NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
INTERNAL_ERROR: Final = 2
FRAME_SIZE_ERROR: Final = 6
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
COMPRESSION_ERROR: Final = 9
ENHANCE_YOUR_CALM: Final = 11

_HEAD: Final = struct.Struct(">HBBBI")
read_head = _HEAD.unpack_from
"""Length (its upper 16 and lower 8 bits), type, flags, stream (its first bit is reserved)."""
_read_setting = struct.Struct(">HI").iter_unpack


class PeerError(Exception):
    """A peer broke the protocol; the connection ends with this error code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Build one frame."""
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 255, kind, flags, stream) + payload


def data_frames(stream: int, payload: bytes, flags: int = 0) -> bytes:
    """Build as many DATA frames as every peer accepts; the last carries the flags."""
    size = len(payload)
    if size <= LEAST_MAX_FRAME:
        return _HEAD.pack(size >> 8, size & 255, DATA, flags, stream) + payload
    starts = range(0, size, LEAST_MAX_FRAME)
    parts = [payload[start : start + LEAST_MAX_FRAME] for start in starts]
    last = parts.pop()
    return b"".join([*(frame(DATA, 0, stream, part) for part in parts), frame(DATA, flags, stream, last)])


def window_update(stream: int, increment: int) -> bytes:
    """Let a peer send more bytes on a stream, or on the whole connection (stream 0)."""
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def rst_stream(stream: int, code: int) -> bytes:
    """End a stream at once."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last: int, code: int, text: str = "") -> bytes:
    """Tell a peer that no stream after `last` will be served."""
    return frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big") + text.encode())


def settings_in(payload: bytes) -> list[tuple[int, int]]:
    """Return the (identifier, value) pairs of a SETTINGS frame."""
    if len(payload) % 6:
        raise PeerError(FRAME_SIZE_ERROR, "a SETTINGS frame is not a multiple of six bytes")
    return list(_read_setting(payload))


def unpadded(payload: bytes) -> bytes:
    """Take the length of the padding and the padding itself off a padded frame's payload."""
    if not payload or payload[0] >= len(payload):
        raise PeerError(PROTOCOL_ERROR, "a frame has more padding than bytes")
    return payload[1 : len(payload) - payload[0]]


def with_suffix(last: bytes, suffix: bytes) -> bytes:
    """Add bytes to the end of a header block, given the block's last frame.

    The bytes go before the frame's padding, or into a CONTINUATION of their own where the frame would grow past what
    every peer accepts.
    """
    size = len(last) - HEAD_SIZE + len(suffix)
    if size > LEAST_MAX_FRAME:
        _, _, _, flags, stream = read_head(last)
        opened = last[:4] + bytes([flags & ~END_HEADERS]) + last[5:]
        return opened + frame(CONTINUATION, END_HEADERS, stream & MAX_STREAM, suffix)
    if last[4] & PADDED and last[3] == HEADERS:
        end = len(last) - last[HEAD_SIZE]
        return size.to_bytes(3, "big") + last[3:end] + suffix + last[end:]
    return size.to_bytes(3, "big") + last[3:] + suffix


class Rest:
    """The beginning of a frame whose end has not arrived; joined once, however many reads it takes."""

    __slots__ = ("_parts", "have", "need")

    def __init__(self, need: int = 0) -> None:
        self._parts: list[bytes] = []
        self.have, self.need = 0, need

    def keep(self, part: bytes, need: int) -> None:
        """Keep the beginning of a frame of which at least `need` bytes must arrive before it can be read."""
        self._parts, self.have, self.need = [part], len(part), need

    def complete(self, data: bytes) -> bytes:
        """Return everything once enough has arrived, nothing before."""
        self._parts.append(data)
        self.have += len(data)
        if self.have < self.need:
            return b""
        data = b"".join(self._parts)
        self._parts, self.have = [], 0
        return data
