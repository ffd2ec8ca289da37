"""The bytes of a segment: what goes in comes out, and damage is noticed wherever it is."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.spool.counters import NOTHING
from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.format import (
    PREFIX,
    SEGMENT_HEADER_SIZE,
    FormatError,
    SegmentHeader,
    decode,
    encode,
    unpack_segment_header,
)
from scorelens_sidecar.spool.segments import Entry, Segment, segment_path
from tests.scorelens_sidecar.spool.making import calls, make_call

MARKER = b"\x17\x23\x42\x99"
HEADER = SegmentHeader(3, MARKER, 1_700_000_000_000_000_000, tuple(range(10, 10 + len(NOTHING))))


def segment_of(records: list[CapturedCall]) -> bytes:
    """Return a whole segment's bytes."""
    parts = [HEADER.pack()]
    for number, call in enumerate(records):
        parts += encode(call, 100 + number, 10 + number, MARKER)[0]
    return b"".join(parts)


def entries_of(data: bytes) -> list[Entry]:
    """Return the good records that a file of these bytes has."""
    with tempfile.TemporaryDirectory() as folder:
        segment_path(Path(folder), 3).write_bytes(data)
        with Segment(Path(folder), 3) as segment:
            return list(segment.entries())


def ends_of(records: list[CapturedCall]) -> list[int]:
    """Return where each record of a segment ends."""
    ends, end = [], SEGMENT_HEADER_SIZE
    for call in records:
        end += encode(call, 0, 0, MARKER)[1]
        ends.append(end)
    return ends


@given(st.lists(calls, max_size=5))
def test_every_record_survives_a_round_trip(records: list[CapturedCall]) -> None:
    """What was encoded is decoded, with the numbers it was given."""
    entries = entries_of(segment_of(records))
    assert [decode(entry.body) for entry in entries] == records
    assert [(entry.sequence, entry.index) for entry in entries] == [(100 + n, 10 + n) for n in range(len(records))]


@given(st.lists(calls, min_size=1, max_size=4), st.data())
def test_a_truncated_segment_keeps_every_whole_record(records: list[CapturedCall], data: st.DataObject) -> None:
    """A cut at any byte costs the records that it reaches, and no other."""
    whole = segment_of(records)
    cut = data.draw(st.integers(0, len(whole) - 1))
    kept = sum(end <= cut for end in ends_of(records))
    assert [decode(entry.body) for entry in entries_of(whole[:cut])] == records[:kept]


@settings(max_examples=300)
@given(st.lists(calls, min_size=1, max_size=4), st.data())
def test_a_flipped_bit_costs_one_record(records: list[CapturedCall], data: st.DataObject) -> None:
    """A bit that flips anywhere behind the header costs exactly the record it is in."""
    whole = bytearray(segment_of(records))
    bit = data.draw(st.integers(SEGMENT_HEADER_SIZE * 8, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    hit = next(number for number, end in enumerate(ends_of(records)) if bit // 8 < end)
    assert [decode(entry.body) for entry in entries_of(bytes(whole))] == records[:hit] + records[hit + 1 :]


@given(st.lists(calls, min_size=2, max_size=4), st.data())
def test_a_damaged_header_costs_no_record(records: list[CapturedCall], data: st.DataObject) -> None:
    """Records are found by the first one's marker when the header is damaged anywhere."""
    whole = bytearray(segment_of(records))
    place = data.draw(st.integers(0, SEGMENT_HEADER_SIZE - 1))
    whole[place] ^= 0xFF
    assert [decode(entry.body) for entry in entries_of(bytes(whole))] == records


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_an_error(rubbish: bytes) -> None:
    """Bytes that are no records yield none, behind a good header too."""
    assert entries_of(HEADER.pack() + rubbish.replace(MARKER, b"")) == []


def test_a_large_gap_of_rubbish_is_passed_over() -> None:
    """A record behind rubbish longer than the read buffer is found."""
    record = b"".join(encode(make_call(7), 1, 1, MARKER)[0])
    for length in (2**18 - 2, 2**18 - 1, 2**18, 600_001):
        rubbish = b"\xee" * length
        assert len(entries_of(HEADER.pack() + rubbish + record)) == 1


def test_a_payload_that_holds_a_segment_is_not_mistaken() -> None:
    """A record whose message is itself a segment of another spool comes back as one record."""
    call = make_call()._replace(answer=segment_of([make_call(1), make_call(2)]).replace(MARKER, b"abcd"))
    assert decode(entries_of(segment_of([call, make_call(3)]))[0].body) == call


def test_a_length_beyond_the_file_asks_for_no_memory() -> None:
    """A damaged length of four gigabytes is one damaged record."""
    prefix = PREFIX.pack(MARKER, 2**32 - 1, 0)
    record = b"".join(encode(make_call(), 1, 1, MARKER)[0])
    assert len(entries_of(HEADER.pack() + prefix + record)) == 1


def test_numbers_beyond_their_field_are_held_at_the_limit() -> None:
    """A status that a strange server made up does not keep a call from being recorded."""
    entries = entries_of(segment_of([make_call()._replace(status=10**15, ended_us=-5, request_size=2**70)]))
    call = decode(entries[0].body)
    assert (call.status, call.ended_us, call.request_size) == (2**32 - 1, 0, 2**64 - 1)


def test_the_header_survives_a_round_trip() -> None:
    """A segment's header is read as it was written."""
    assert unpack_segment_header(HEADER.pack()) == HEADER


@given(st.integers(0, SEGMENT_HEADER_SIZE - 1))
def test_a_damaged_header_is_noticed(place: int) -> None:
    """A header with any byte changed, or cut anywhere, is refused."""
    damaged = bytearray(HEADER.pack())
    damaged[place] ^= 0x40
    for data in (bytes(damaged), HEADER.pack()[:place]):
        with pytest.raises(FormatError):
            unpack_segment_header(data)


def test_another_version_is_named(tmp_path: Path) -> None:
    """A segment of a later version is refused with a text that says what to do."""
    later = b"SLSPOOL\n" + struct.pack("<HH", 2, 200) + bytes(184)
    segment_path(tmp_path, 3).write_bytes(later + struct.pack("<I", google_crc32c.value(later)))
    with pytest.raises(SpoolError, match=r"version 2.*move the folder away"):
        Segment(tmp_path, 3)
