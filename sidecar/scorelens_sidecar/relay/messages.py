"""gRPC messages: cut out of the DATA bytes of one direction of a call, kept or only counted."""

from __future__ import annotations

import hashlib
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from scorelens_sidecar.relay.frames import DATA, LEAST_MAX_FRAME, data_frames

PREFIX_SIZE: Final = 5
_PREFIX: Final = struct.Struct(">BI")
read_prefix = _PREFIX.unpack_from
"""Whether the message is compressed, and its size."""
pack_prefix = _PREFIX.pack
_pack_frame_and_prefix = struct.Struct(">HBBBIBI").pack


def message_frames(stream: int, message: bytes, flags: int = 0) -> bytes:
    """Build the DATA frames of one plain message; nearly always that is one."""
    size = len(message)
    length = PREFIX_SIZE + size
    if length > LEAST_MAX_FRAME:
        return data_frames(stream, pack_prefix(0, size) + message, flags)
    return _pack_frame_and_prefix(length >> 8, length & 255, DATA, flags, stream, 0, size) + message


class Message(NamedTuple):
    """One whole message, as far as it was kept."""

    payload: bytes
    size: int
    compressed: bool
    sha256: bytes  # of the whole, for a message that was cut
    lost: bool  # there was no memory to keep it


_new_message = cast("Callable[[type[Message], tuple[bytes, int, bool, bytes, bool]], Message]", tuple.__new__)
"""Makes a message in half the time that its own constructor takes."""
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


class _Arriving:
    """A message of which only a part has arrived."""

    __slots__ = ("compressed", "digest", "head", "kept", "left", "parts", "whole")

    def __init__(self) -> None:
        self.head = b""  # of the prefix, until that is whole
        self.whole = self.left = 0  # size of the message, and how much of it is still to come
        self.compressed = False
        self.parts: list[bytes] | None = []  # what is kept of it; None once memory ran out
        self.kept = 0
        self.digest: hashlib._Hash | None = None


class Messages:
    """One direction of a call.

    Whole messages wait to be taken, cut to `limit` bytes each; with `keep` off they are only counted. `held` is what
    they and the one that is still arriving take of the budget.
    """

    # There are two of these for each call. Slots that are all set are read several times faster than defaults of the
    # class; and since most calls have one message in one frame, what others need is made when they need it.
    __slots__ = ("_arriving", "_first", "_more", "budget", "count", "held", "keep", "limit", "lost", "size")

    def __init__(self, budget: Budget, limit: int, keep: bool) -> None:
        self.budget, self.limit, self.keep = budget, limit, keep
        self.count = self.size = 0  # whole messages that passed, and their bytes
        self.held = 0
        self.lost = False  # whether any message found no memory
        self._arriving: _Arriving | None = None
        self._first: Message | None = None  # the oldest that waits
        self._more: deque[Message] | None = None  # those behind it

    @property
    def waiting(self) -> bool:
        """Whether there is a whole message to take."""
        return self._first is not None

    def feed(self, data: bytes, start: int, end: int) -> bytes | None:
        """Take the next DATA bytes, those from `start` to `end`; returns their message if they are just one, plain.

        Flat, with the budget's sum done here, as this runs for nearly every frame of data.
        """
        if self._arriving is None and end - start >= PREFIX_SIZE:
            compressed, size = read_prefix(data, start)
            start += PREFIX_SIZE
            if start + size == end:  # one frame, one message: nearly always
                message = data[start:end]
                self.count += 1
                self.size += size
                if self.keep:
                    budget = self.budget
                    used = budget.used + size
                    if size > self.limit or used > budget.limit:
                        self._add_cut(message, compressed == 1)
                    else:
                        budget.used = used
                        self.held += size
                        whole = _new_message(Message, (message, size, compressed == 1, b"", False))
                        if self._first is None:
                            self._first = whole
                        else:
                            self._wait(whole)
                return None if compressed else message
            start -= PREFIX_SIZE
        self._feed_parts(data[start:end])
        return None

    def take(self) -> Message:
        """Return the oldest whole message, and its memory to the budget; NOTHING when there is none."""
        message = self._first
        if message is None:
            return NOTHING
        self._first = self._more.popleft() if self._more else None
        size = len(message[0])
        self.budget.used -= size
        self.held -= size
        return message

    def release(self) -> None:
        """Give up everything that is held."""
        self._give(self.held)
        self._first = self._more = None
        if self._arriving is not None:
            self._arriving.parts = None

    def _add_cut(self, message: bytes, compressed: bool) -> None:
        """Let a message wait that is over the limit, or finds no memory."""
        size, kept = len(message), message[: self.limit]
        if self.budget.take(len(kept)):
            self.held += len(kept)
            digest = hashlib.sha256(message).digest() if size > self.limit else b""
            self._wait(Message(kept, size, compressed, digest, False))
        else:
            self.lost = True
            self._wait(Message(b"", size, compressed, b"", True))

    def _wait(self, message: Message) -> None:
        if self._first is None:
            self._first = message
        elif self._more is None:
            self._more = deque((message,))
        else:
            self._more.append(message)

    def _feed_parts(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            message = self._arriving
            if message is None:
                message = self._arriving = _Arriving()
            if len(message.head) < PREFIX_SIZE:
                at = self._begin(message, data, at)
            else:
                part = data[at : at + message.left]
                at += len(part)
                message.left -= len(part)
                self._add(message, part)
            if len(message.head) == PREFIX_SIZE and not message.left:
                self._end(message)

    def _begin(self, message: _Arriving, data: bytes, at: int) -> int:
        missing = PREFIX_SIZE - len(message.head)
        message.head += data[at : at + missing]
        if len(message.head) == PREFIX_SIZE:
            compressed, message.whole = read_prefix(message.head)
            message.left, message.compressed = message.whole, compressed == 1
            message.digest = hashlib.sha256() if self.keep and message.whole > self.limit else None
        return at + missing

    def _add(self, message: _Arriving, part: bytes) -> None:
        if message.digest is not None:
            message.digest.update(part)
        if self.keep and message.kept < self.limit:
            self._keep(message, part[: self.limit - message.kept])

    def _keep(self, message: _Arriving, part: bytes) -> None:
        if message.parts is None:
            return
        if self.budget.take(len(part)):
            message.parts.append(part)
            message.kept += len(part)
            self.held += len(part)
        else:
            message.parts, self.lost = None, True
            self._give(message.kept)

    def _end(self, message: _Arriving) -> None:
        self._arriving = None
        self.count += 1
        self.size += message.whole
        if self.keep:
            payload = b"".join(message.parts or ())
            digest = message.digest.digest() if message.digest else b""
            self._wait(Message(payload, message.whole, message.compressed, digest, message.parts is None))

    def _give(self, size: int) -> None:
        self.budget.give(size)
        self.held -= size
