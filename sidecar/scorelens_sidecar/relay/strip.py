"""Takes the calculations, field 1, out of the messages of an answer while they stream past.

A message whose calculations come first, as the contract has it, goes on as it arrives once it is clear how long the
rest is. One that is shaped otherwise is held up to a limit and goes on without field 1; so does a compressed one, then
plain. What can be neither is withheld: bytes of field 1 never go on.
"""

from __future__ import annotations

import zlib
from typing import Final

from scorelens_sidecar.relay.messages import PREFIX_SIZE, pack_prefix, read_prefix

CALCULATIONS: Final = 1
_LONGEST_TAG: Final = 5
_LONGEST_VARINT: Final = 10
_EARLY: Final = 16384
"""Bytes of a usual answer that are held in case more calculations follow, as they do in concatenated messages."""
_ZLIB_OR_GZIP: Final = 47


class WithholdError(Exception):
    """An answer that must not go on."""


class _MoreNeededError(Exception):
    """A field's beginning is not whole yet."""


def lean(data: bytes) -> bytes:
    """Return a whole message without its calculations, the same bytes when it has none. Raises WithholdError."""
    at = 0
    end = len(data)
    kept: list[bytes] = []
    start = at
    while at < end:
        here = at
        tag = data[at]
        if tag & 0x87 == 2 and tag >= 8 and at + 2 < end and (data[at + 1] < 128 or data[at + 2] < 128):
            # Fields with a short tag and a length of up to two bytes are nearly all there are.
            size = data[at + 1]
            at += 2 + size if size < 128 else 3 + (size & 127 | data[at + 2] << 7)
            number = tag >> 3
        else:
            try:
                number, at, size = _field(data, at, end)
            except _MoreNeededError:
                raise WithholdError("a field is longer than its message") from None
            at += size
        if at > end:
            raise WithholdError("a field is longer than its message")
        if number == CALCULATIONS:
            if start < here:
                kept.append(data[start:here])
            start = at
    if not kept:
        return data[start:]
    kept.append(data[start:])
    return b"".join(kept)


def _field(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Read a field's beginning: its number, where its value starts, and how many bytes of value follow."""
    try:
        tag = data[at]
        at += 1
        if tag > 127:
            tag, at = _varint(data, at - 1, _LONGEST_TAG)
        kind = tag & 7
        if kind == 2:
            size = data[at]
            at += 1
            if size > 127:
                size, at = _varint(data, at - 1, _LONGEST_VARINT)
        elif kind == 0:
            size = 0
            _, at = _varint(data, at, _LONGEST_VARINT)
        else:
            size = _FIXED.get(kind, -1)
    except IndexError:
        raise _MoreNeededError from None
    if at > end:
        raise _MoreNeededError
    if size < 0 or not 8 <= tag < 2**32:
        raise WithholdError("an answer is not a protobuf message")
    return tag >> 3, at, size


_FIXED: Final = {1: 8, 5: 4}


def _varint(data: bytes, at: int, longest: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(at, at + longest):
        byte = data[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
    raise WithholdError("an answer has a number that is too long")


def decompressed(data: bytes, encoding: bytes, limit: int) -> bytes:
    """Decompress a message of at most `limit` bytes; raises WithholdError when it is larger or cannot be read."""
    if encoding not in (b"gzip", b"deflate"):
        raise WithholdError("an answer is compressed in a way the relay cannot read")
    parts: list[bytes] = []
    room = limit
    while data:
        stream = zlib.decompressobj(_ZLIB_OR_GZIP)
        try:
            part = stream.decompress(data, room + 1)
        except zlib.error as error:
            raise WithholdError("an answer is compressed and damaged") from error
        room -= len(part)
        if room < 0 or not stream.eof:
            raise WithholdError("an answer is too large to be rewritten, or cut short")
        parts.append(part)
        data = stream.unused_data
    return b"".join(parts)


class Stripper:
    """One answer's messages without their calculations.

    `held` bytes have arrived and neither gone on nor been taken out. Once `rewriting`, what comes out may be longer
    than what went in, so that the caller's window must be checked.
    """

    __slots__ = (
        "_committed",
        "_dropping",
        "_encoding",
        "_field_left",
        "_head",
        "_kept",
        "_kept_size",
        "_left",
        "_limit",
        "_packed",
        "_removed",
        "_size",
        "_usual",
        "held",
        "rewriting",
    )

    def __init__(self, limit: int, encoding: bytes = b"") -> None:
        """Begin with an answer; `encoding` is its grpc-encoding."""
        self._limit, self._encoding = limit, encoding
        self.held = 0
        self.rewriting = False
        self._head = b""  # a beginning that cannot be read yet
        self._size = self._left = -1  # of the message that is arriving; left is -1 between messages
        self._committed = False  # its prefix has gone on, so nothing more can be taken out
        self._kept: list[bytes]  # this and what else there is to know of a message is set when it begins

    def feed(self, data: bytes) -> bytes:
        """Take DATA bytes; return those that go on now. Raises WithholdError."""
        return self._stream(self._head + data if self._head else data)

    def hurry(self) -> bytes:
        """Let a usual answer's held bytes go on early, since somebody is short of window."""
        if self._left < 0 or self._committed or not self._usual:
            return b""
        early = self._commit()
        self._count_held()
        return early

    def _count_held(self) -> None:
        waiting = self._left >= 0 and not self._committed
        self.held = len(self._head) + (PREFIX_SIZE + self._kept_size if waiting else 0)

    def _stream(self, data: bytes) -> bytes:
        out: list[bytes] = []
        at, size = 0, len(data)
        while at < size or self._left == 0:
            if self._left < 0:
                if size - at < PREFIX_SIZE:
                    break
                self._begin(*read_prefix(data, at))
                at += PREFIX_SIZE
            elif self._left == 0:
                out.append(self._end())
            elif self._packed or self._field_left:
                part = data[at : at + (self._left if self._packed else self._field_left)]
                at += len(part)
                out.append(self._value(part))
            else:
                after = self._next_field(data, at, out)
                if after == at:
                    break
                at = after
        self._head = data[at:]
        self._count_held()
        return b"".join(out)

    def _begin(self, compressed: int, size: int) -> None:
        if compressed > 1:
            raise WithholdError("an answer's prefix is not gRPC's")
        self._size = self._left = size
        self._packed = compressed == 1
        self.rewriting = self.rewriting or self._packed
        self._field_left = self._removed = self._kept_size = 0
        self._kept = []
        self._committed = self._usual = False
        if self._packed and size > self._limit:
            raise WithholdError("a compressed answer is too large to be rewritten")

    def _next_field(self, data: bytes, at: int, out: list[bytes]) -> int:
        """Read a field's beginning; returns where its value starts, or `at` when more bytes are needed."""
        end = min(len(data), at + self._left)
        try:
            number, value, self._field_left = _field(data, at, end)
        except _MoreNeededError:
            if end - at == self._left:
                raise WithholdError("a field is longer than its message") from None
            return at
        if value - at + self._field_left > self._left:
            raise WithholdError("a field is longer than its message")
        self._dropping = number == CALCULATIONS
        if self._dropping and self._committed:
            raise WithholdError("calculations come late in an answer that is too large to be held")
        self._usual = self._usual or (self._dropping and self._left == self._size)
        out.append(self._value(data[at:value], beginning=True))
        return value

    def _value(self, part: bytes, beginning: bool = False) -> bytes:
        """Take bytes of a field, or of a compressed message; return what goes on now."""
        self._left -= len(part)
        if self._packed:
            return self._keep(part)
        if not beginning:
            self._field_left -= len(part)
        if self._dropping:
            self._removed += len(part)
            return b""
        return part if self._committed else self._keep(part)

    def _keep(self, part: bytes) -> bytes:
        self._kept.append(part)
        self._kept_size += len(part)
        if self._packed or self._kept_size <= (_EARLY if self._usual else self._limit):
            return b""
        return self._commit()

    def _commit(self) -> bytes:
        """Let the message go on, on the understanding that no more will be taken out of it."""
        self._committed = True
        kept, self._kept, self._kept_size = self._kept, [], 0
        still_dropping = self._field_left if self._dropping else 0
        return pack_prefix(0, self._size - self._removed - still_dropping) + b"".join(kept)

    def _end(self) -> bytes:
        kept = b"" if self._committed else b"".join(self._kept)
        committed, self._committed, self._left = self._committed, False, -1
        self._kept, self._kept_size = [], 0
        if self._packed:
            return self._unpacked(kept)
        return b"" if committed else pack_prefix(0, len(kept)) + kept

    def _unpacked(self, packed: bytes) -> bytes:
        plain = lean(decompressed(packed, self._encoding, self._limit))
        return pack_prefix(0, len(plain)) + plain
