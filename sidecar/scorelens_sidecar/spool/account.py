"""What became of every record, as anybody may ask at any time, without stopping the writer or a reader."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from scorelens_sidecar.spool import cursor
from scorelens_sidecar.spool.counters import APPENDED, NOTHING, SAMPLED_OUT, Counts, read_counts
from scorelens_sidecar.spool.cursor import Cursor, Position
from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.format import COUNTERS, SEGMENT_HEADER_SIZE, FormatError, decode
from scorelens_sidecar.spool.reader import first_cursor
from scorelens_sidecar.spool.segments import Segment, segment_numbers, segments_from

_TRIES = 100
_REASONS = [(number, name) for number, name in enumerate(COUNTERS) if name not in ("appended", "sampled_out")]


@dataclass(frozen=True, slots=True)
class DestinationAccount:
    """What became of the records of one folder, for one destination, since it began.

    `rejected` and `dead_letters` are among the acknowledged. `bytes` lie in the spool for it; the age is in seconds,
    None with nothing spooled. `adds_up` tells whether seen = acknowledged + spooled + dropped + sampled_out.
    """

    destination: str
    seen: int
    acknowledged: int
    rejected: int
    dead_letters: int
    spooled: int
    dropped: dict[str, int]
    sampled_out: int
    oldest_spooled_age: float | None
    bytes: int
    adds_up: bool


def read_account(folder: Path, destinations: Iterable[str] = ()) -> list[DestinationAccount]:
    """Return the account for each named destination, and for every other one that has a cursor.

    It adds up by counting, not by definition: spooled are the records that are there, not what the other numbers leave.
    """
    named = list(destinations)
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return _read(folder, named)
    raise SpoolError(f"the segments in {folder} go faster than they can be counted; ask again")


@dataclass(frozen=True, slots=True)
class _Extent:
    """A segment as far as headers tell: its bytes, and how many records lie before it."""

    number: int
    size: int
    first: int


@dataclass(frozen=True, slots=True)
class _Found:
    records: int = 0
    damaged: int = 0


def _read(folder: Path, named: list[str]) -> list[DestinationAccount]:
    """Read segments, then cursors, then counters, then the segments that were begun meanwhile.

    In this order nothing goes missing: what is deleted in between is behind every cursor that was read, and what is
    appended in between is in a segment that was seen. Raises FileNotFoundError when the live segment is gone already.
    """
    extents = _extents(folder)
    cursors = cursor.load_all(folder)
    for name in named:
        cursors.setdefault(name, first_cursor(folder, name))
    extents, counts = _settled(folder, extents)
    names = dict.fromkeys((*named, *sorted(cursors)))
    return [_account(folder, extents, cursors[name], counts) for name in names]


def _extents(folder: Path, number: int = 0) -> list[_Extent]:
    found = ((each, each.first_index()) for each in segments_from(folder, number))
    return [_Extent(each.number, each.size, first) for each, first in found if first is not None]


def _settled(folder: Path, extents: list[_Extent]) -> tuple[list[_Extent], Counts]:
    """Read the counters at a moment at which no segment is newer than those that are known."""
    for _ in range(_TRIES):
        counts = read_counts(folder) or NOTHING
        last = extents[-1].number if extents else 0
        if max([last, *segment_numbers(folder)]) == last:
            break
        extents = extents + _extents(folder, last + 1)
    return extents, counts


def _account(folder: Path, extents: list[_Extent], at: Cursor, counts: Counts) -> DestinationAccount:
    since = [now - before for now, before in zip(counts, at.baseline, strict=True)]
    ahead = [each for each in extents if each.number >= at.position.segment]
    found = _spooled(folder, ahead, at.position, counts[APPENDED])
    dropped = {name: since[number] for number, name in _REASONS}
    dropped["expired"] += at.expired
    dropped["damaged"] += at.position.damaged + found.damaged
    explained = at.acknowledged + found.records + sum(dropped.values()) + since[SAMPLED_OUT]
    return DestinationAccount(
        destination=at.destination,
        seen=sum(since),
        acknowledged=at.acknowledged,
        rejected=at.rejected,
        dead_letters=at.dead_letters,
        spooled=found.records,
        dropped=dropped,
        sampled_out=since[SAMPLED_OUT],
        oldest_spooled_age=_oldest_age(folder, at.position) if found.records else None,
        bytes=sum(each.size - _start(each, at.position) for each in ahead) if found.records else 0,
        adds_up=sum(since) == explained,
    )


def _spooled(folder: Path, ahead: list[_Extent], place: Position, appended: int) -> _Found:
    """Count records from a place on: in closed segments by their headers, in the last one by looking at each."""
    if not ahead:
        return _Found()
    records = 0
    for each, following in pairwise(ahead):
        records += max(0, following.first - max(each.first, place.index))
    last = _in_live(folder, ahead[-1], place, appended)
    return _Found(records + last.records, last.damaged)


def _in_live(folder: Path, live: _Extent, place: Position, appended: int) -> _Found:
    first = max(place.index, live.first)
    start = _start(live, place)
    found, explained = 0, start
    with Segment(folder, live.number) as segment:
        for entry in segment.entries(start):
            explained += entry.end - entry.offset
            found += first <= entry.index < appended
        unexplained = segment.size > explained
    return _Found(found, max(0, appended - first - found) if unexplained else 0)


def _start(extent: _Extent, place: Position) -> int:
    return min(place.offset, extent.size) if extent.number == place.segment else SEGMENT_HEADER_SIZE


def _oldest_age(folder: Path, place: Position) -> float | None:
    for segment in segments_from(folder, place.segment):
        start = place.offset if segment.number == place.segment else SEGMENT_HEADER_SIZE
        for entry in segment.entries(start):
            if entry.index >= place.index:
                try:
                    call = decode(entry.body)
                except FormatError:
                    continue
                return max(0.0, time.time() - (call.started_ns / 1e9 + call.ended_us / 1e6))
    return None
