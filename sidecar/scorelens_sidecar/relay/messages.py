"""gRPC messages: cut out of the DATA bytes of one direction of a call, kept or only counted."""

from __future__ import annotations

import hashlib
import struct
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

PREFIX_SIZE: Final = 5
read_prefix = struct.Struct(">BI").unpack_from
"""Whether the message is compressed, and its size."""


def prefixed(message: bytes, compressed: int = 0) -> bytes:
    """Put gRPC's prefix before a message."""
    return prefix(len(message), compressed) + message


def prefix(size: int, compressed: int = 0) -> bytes:
    """Build gRPC's prefix of a message."""
    return bytes([compressed]) + size.to_bytes(4, "big")


class Message(NamedTuple):
    """One whole message, as far as it was kept."""

    payload: bytes
    size: int
    compressed: bool
    sha256: bytes  # of the whole, for a message that was cut
    lost: bool  # there was no memory to keep it


NOTHING: Final = Message(b"", 0, False, b"", False)


@dataclass(slots=True)
class Budget:
    """Bytes that all calls of the process may hold together."""

    limit: int
    used: int = 0

    def take(self, size: int) -> bool:
        """Set bytes aside; False when there are not as many left."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Give bytes back."""
        self.used -= size


class Messages:
    """One direction of a call.

    Whole messages wait in `ready`, cut to `limit` bytes each; with `keep` off they are only counted. `held` is what
    they and the one that is still arriving take of the budget.
    """

    # Defaults of the class cost nothing per call; there are two of these for each.
    count = 0  # whole messages that passed
    size = 0  # their bytes
    held = 0
    lost = False  # whether any message found no memory
    _head = b""  # the beginning of a prefix
    _whole = 0  # size of the message that is arriving
    _left = -1  # bytes of it that are still to come; -1 between messages
    _parts: list[bytes] | None = None  # what is kept of it; None once memory ran out
    _kept = 0
    _compressed = False
    _hash: hashlib._Hash | None = None

    def __init__(self, budget: Budget, limit: int, keep: bool) -> None:
        self.budget, self.limit, self.keep = budget, limit, keep
        self.ready: deque[Message] = deque()

    def feed(self, data: bytes) -> None:
        """Take the next DATA bytes."""
        if self._left < 0 and not self._head and len(data) >= PREFIX_SIZE:
            compressed, size = read_prefix(data)
            if size + PREFIX_SIZE == len(data) and size <= self.limit:  # one frame, one message: nearly always
                self._take_whole(data, size, compressed == 1)
                return
        self._feed_parts(data)

    def take(self) -> Message:
        """Return the oldest whole message, and its memory to the budget; NOTHING when there is none."""
        if not self.ready:
            return NOTHING
        message = self.ready.popleft()
        self._give(len(message.payload))
        return message

    def release(self) -> None:
        """Give up everything that is held."""
        self._give(self.held)
        self.ready.clear()
        self._parts = None

    def _take_whole(self, data: bytes, size: int, compressed: bool) -> None:
        self.count += 1
        self.size += size
        if not self.keep:
            return
        if self.budget.take(size):
            self.held += size
            self.ready.append(Message(data[PREFIX_SIZE:], size, compressed, b"", False))
        else:
            self.lost = True
            self.ready.append(Message(b"", size, compressed, b"", True))

    def _feed_parts(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._left < 0:
                at = self._begin(data, at)
            else:
                part = data[at : at + self._left]
                at += len(part)
                self._left -= len(part)
                self._add(part)
            if self._left == 0:
                self._end()

    def _begin(self, data: bytes, at: int) -> int:
        missing = PREFIX_SIZE - len(self._head)
        self._head += data[at : at + missing]
        if len(self._head) == PREFIX_SIZE:
            compressed, self._whole = read_prefix(self._head)
            self._head, self._left, self._compressed = b"", self._whole, compressed == 1
            self._parts, self._kept = [], 0
            self._hash = hashlib.sha256() if self.keep and self._whole > self.limit else None
        return at + missing

    def _add(self, part: bytes) -> None:
        if self._hash is not None:
            self._hash.update(part)
        if self.keep and self._kept < self.limit:
            self._keep(part[: self.limit - self._kept])

    def _keep(self, part: bytes) -> None:
        if self._parts is None:
            return
        if self.budget.take(len(part)):
            self._parts.append(part)
            self._kept += len(part)
            self.held += len(part)
        else:
            self._parts, self.lost = None, True
            self._give(self._kept)

    def _end(self) -> None:
        self._left = -1
        self.count += 1
        self.size += self._whole
        parts, self._parts = self._parts, None
        if self.keep:
            payload = b"" if parts is None else parts[0] if len(parts) == 1 else b"".join(parts)
            digest = self._hash.digest() if self._hash else b""
            self.ready.append(Message(payload, self._whole, self._compressed, digest, parts is None))

    def _give(self, size: int) -> None:
        self.budget.give(size)
        self.held -= size
