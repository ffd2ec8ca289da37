"""The bytes of a segment: a header, then records. Pure functions; docs/spool.md has the tables.

Every record starts with its segment's marker, four random bytes, so that a reader finds the next good record behind a
damaged one. The checksum covers everything after it; the length is covered by what it makes the checksum span.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import google_crc32c

from scorelens_sidecar.captured import CapturedCall, End, Part

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
_HEAD = struct.Struct("<QQBB16s8sQQQIQQQQQd10I")
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
    try:
        head = _pack_head(call, sequence, index)
    except struct.error:
        head = _pack_head(_within_limits(call), sequence, index)
    request, answer = call.request, call.answer
    small = len(request) <= _SMALL
    start = b"".join(
        (
            head,
            call.path,
            call.parent_id,
            call.request_encoding,
            call.answer_encoding,
            call.request_sha256,
            call.answer_sha256,
            call.purpose,
            call.user_agent,
            request if small else b"",
        )
    )
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
    fields = _HEAD.unpack_from(body)
    (part, end, trace_id, span_id, started_ns, first_answer_us, ended_us, status) = fields[2:10]
    (message_number, request_size, answer_size, request_messages, answer_messages, probability) = fields[10:16]
    texts = _split(body, _HEAD.size, fields[16:])
    try:
        part, end = Part(part), End(end)
    except ValueError as error:
        raise FormatError(f"has an unknown kind: {error}") from error
    return CapturedCall(
        part=part,
        path=texts[0],
        trace_id=trace_id,
        parent_id=texts[1],
        span_id=span_id,
        started_ns=started_ns,
        first_answer_us=first_answer_us,
        ended_us=ended_us,
        status=status,
        end=end,
        message_number=message_number,
        request=texts[8],
        answer=texts[9],
        request_size=request_size,
        answer_size=answer_size,
        request_messages=request_messages,
        answer_messages=answer_messages,
        request_encoding=texts[2],
        answer_encoding=texts[3],
        request_sha256=texts[4],
        answer_sha256=texts[5],
        purpose=texts[6],
        user_agent=texts[7],
        sampling_probability=probability,
    )


def place(body: bytes) -> tuple[int, int]:
    """Read sequence and index of a record's body."""
    sequence, index = _PLACE.unpack_from(body)
    return sequence, index


def is_whole(body: bytes, length: int, checksum: int) -> bool:
    """Tell whether a body is the one that its prefix promised."""
    return len(body) == length >= _HEAD.size and bool(google_crc32c.value(body) == checksum)


def _pack_head(call: CapturedCall, sequence: int, index: int) -> bytes:
    return _HEAD.pack(
        sequence,
        index,
        call.part,
        call.end,
        call.trace_id,
        call.span_id,
        call.started_ns,
        call.first_answer_us,
        call.ended_us,
        call.status,
        call.message_number,
        call.request_size,
        call.answer_size,
        call.request_messages,
        call.answer_messages,
        call.sampling_probability,
        len(call.path),
        len(call.parent_id),
        len(call.request_encoding),
        len(call.answer_encoding),
        len(call.request_sha256),
        len(call.answer_sha256),
        len(call.purpose),
        len(call.user_agent),
        len(call.request),
        len(call.answer),
    )


def _within_limits(call: CapturedCall) -> CapturedCall:
    def held(name: str, most: int) -> int:
        return min(max(int(getattr(call, name)), 0), most)

    longs = ("started_ns", "first_answer_us", "ended_us", "message_number")
    sizes = ("request_size", "answer_size", "request_messages", "answer_messages")
    numbers = {name: held(name, _MOST["Q"]) for name in longs + sizes}
    return replace(call, status=held("status", _MOST["I"]), **numbers)  # type: ignore[arg-type]


def _split(body: bytes, offset: int, lengths: Sequence[int]) -> list[bytes]:
    if offset + sum(lengths) != len(body):
        raise FormatError("has lengths that do not fit its size")
    texts = []
    for length in lengths:
        texts.append(body[offset : offset + length])
        offset += length
    return texts
