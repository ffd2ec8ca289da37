"""The bytes of a segment: a header, then records. Pure functions; docs/spool.md has the tables.

Every record starts with its segment's marker, four random bytes, so that a reader finds the next good record behind a
damaged one. The checksum covers everything after it; the length is covered by what it makes the checksum span.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import google_crc32c

from scorelens_sidecar.captured import NUMBERS, CapturedCall, End, Part

MAGIC = b"SLSPOOL\n"
VERSION = 1
COUNTERS = ("appended", "sampled_out", "quota", "memory", "disk", "expired", "damaged")
"""Counters of the account in the order of the files; together they make up everything seen."""

_SEGMENT = struct.Struct(f"<8sHH4sQQ{len(COUNTERS)}Q")  # magic, version, size, marker, number, created_ns, counters
_CHECKSUM = struct.Struct("<I")
_VERSION_AND_SIZE = struct.Struct("<HH")
SEGMENT_HEADER_SIZE = _SEGMENT.size + _CHECKSUM.size
MOST_HEADER = 4096
"""No version has a longer header."""

PREFIX = struct.Struct("<4sII")  # marker, length of the body, CRC-32C of the body
_PLACE = struct.Struct("<QQ")  # the first two numbers of the body: sequence, index
_HEAD = struct.Struct("<QQBB16s8sQQQIQQQQQd10I")  # the place, then a captured call's fields in their order
RECORD_OVERHEAD = PREFIX.size + _HEAD.size
"""Bytes that a record takes beside its header values and messages."""

_SMALL = 2048
_MOST = {"I": 2**32 - 1, "Q": 2**64 - 1}


class FormatError(ValueError):
    """Bytes that are not what the format says."""


class VersionError(FormatError):
    """Bytes that another version of the format describes."""


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What stands at the start of a segment; `counters` is the account when it was begun."""

    number: int
    marker: bytes
    created_ns: int
    counters: tuple[int, ...]

    @property
    def index(self) -> int:
        """How many records had been appended before this segment."""
        return self.counters[0]

    def pack(self) -> bytes:
        """Return the header's bytes."""
        packed = _SEGMENT.pack(
            MAGIC, VERSION, SEGMENT_HEADER_SIZE, self.marker, self.number, self.created_ns, *self.counters
        )
        return packed + _CHECKSUM.pack(google_crc32c.value(packed))


def unpack_segment_header(data: bytes) -> SegmentHeader:
    """Read a segment's header from a file's first MOST_HEADER bytes.

    Raises FormatError for one that is short or damaged, and VersionError for a good one of another version: magic,
    version, size, and the checksum at the end of that size, stay where they are in every version.
    """
    if len(data) < SEGMENT_HEADER_SIZE or data[: len(MAGIC)] != MAGIC:
        raise FormatError("does not start as a segment of a spool")
    version, size = _VERSION_AND_SIZE.unpack_from(data, len(MAGIC))
    packed, checksum = data[: size - _CHECKSUM.size], data[size - _CHECKSUM.size : size]
    if checksum != _CHECKSUM.pack(google_crc32c.value(packed)):
        raise FormatError("has a damaged header")
    if version != VERSION:
        raise VersionError(f"has format version {version}, and this program reads version {VERSION}")
    _, _, _, marker, number, created_ns, *counters = _SEGMENT.unpack(packed)
    return SegmentHeader(number, marker, created_ns, tuple(counters))


def encode(call: CapturedCall, sequence: int, index: int, marker: bytes) -> tuple[list[bytes], int]:
    """Return a record as parts to write in a row, and their size in bytes.

    Messages are among the parts as they are, except for small ones, which are cheaper to copy than to pass on their
    own. Numbers beyond their field are held at its limit.
    """
    # Each field by a name of its own: taking all of them at once is several times faster than one after the other.
    # fmt: off
    (
        part, end, trace_id, span_id, started_ns, first_answer_us, ended_us, status, message_number,
        request_size, answer_size, request_messages, answer_messages, probability,
        path, parent_id, request_encoding, answer_encoding, request_sha256, answer_sha256, purpose, user_agent,
        request, answer,
    ) = call
    try:
        head = _HEAD.pack(
            sequence, index, part, end, trace_id, span_id, started_ns, first_answer_us, ended_us, status,
            message_number, request_size, answer_size, request_messages, answer_messages, probability,
            len(path), len(parent_id), len(request_encoding), len(answer_encoding), len(request_sha256),
            len(answer_sha256), len(purpose), len(user_agent), len(request), len(answer),
        )
    except struct.error:
        within = _within_limits(call)
        if within == call:
            raise
        return encode(within, sequence, index, marker)
    small = len(request) <= _SMALL
    start = b"".join((
        head, path, parent_id, request_encoding, answer_encoding, request_sha256, answer_sha256, purpose, user_agent,
        request if small else b"",
    ))
    # fmt: on
    checksum = google_crc32c.value(start)
    length = len(start) + len(answer)
    if not small:
        checksum = google_crc32c.extend(checksum, request)
        length += len(request)
    if answer:
        checksum = google_crc32c.extend(checksum, answer)
    prefix = PREFIX.pack(marker, length, checksum)
    parts = [prefix, start, answer] if small else [prefix, start, request, answer]
    return parts, PREFIX.size + length


def decode(body: bytes) -> CapturedCall:
    """Read a record's body whose checksum was right; raises FormatError for values that this version does not know."""
    _, _, part, end, *numbers = _HEAD.unpack_from(body)
    numbers, lengths = numbers[: NUMBERS - 2], numbers[NUMBERS - 2 :]
    texts = _split(body, _HEAD.size, lengths)
    try:
        return CapturedCall(Part(part), End(end), *numbers, *texts)
    except ValueError as error:
        raise FormatError(f"has an unknown kind: {error}") from error


def place(body: bytes) -> tuple[int, int]:
    """Read sequence and index of a record's body."""
    sequence, index = _PLACE.unpack_from(body)
    return sequence, index


def is_whole(body: bytes, length: int, checksum: int) -> bool:
    """Tell whether a body is the one that its prefix promised."""
    return len(body) == length >= _HEAD.size and bool(google_crc32c.value(body) == checksum)


def _within_limits(call: CapturedCall) -> CapturedCall:
    def held(name: str, most: int) -> int:
        return min(max(int(getattr(call, name)), 0), most)

    longs = ("started_ns", "first_answer_us", "ended_us", "message_number")
    sizes = ("request_size", "answer_size", "request_messages", "answer_messages")
    numbers: dict[str, Any] = {name: held(name, _MOST["Q"]) for name in longs + sizes}
    return call._replace(status=held("status", _MOST["I"]), **numbers)


def _split(body: bytes, offset: int, lengths: Sequence[int]) -> list[bytes]:
    if offset + sum(lengths) != len(body):
        raise FormatError("has lengths that do not fit its size")
    texts = []
    for length in lengths:
        texts.append(body[offset : offset + length])
        offset += length
    return texts
