"""The reading end of a spool: one destination's view of it, in the shipper's process."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.spool import cursor
from scorelens_sidecar.spool.counters import APPENDED, NOTHING, read_counts
from scorelens_sidecar.spool.cursor import Cursor, Position
from scorelens_sidecar.spool.folders import Lock, make_private
from scorelens_sidecar.spool.format import SEGMENT_HEADER_SIZE, FormatError, decode
from scorelens_sidecar.spool.segments import Entry, Segment, segments_from

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpooledRecord:
    """A record, its number among all that were seen, its bytes in the spool, and the place behind it."""

    sequence: int
    size: int
    position: Position
    call: CapturedCall

    @property
    def recorded_ns(self) -> int:
        """Unix time at which it was recorded."""
        return self.call.started_ns + self.call.ended_us * 1000


class SpoolReader:
    """Follows a folder's records for one destination, from its cursor on.

    `read` hands out each record once; `acknowledge` makes that last. A restarted reader begins behind the last
    acknowledged record. Not thread-safe. Raises SpoolLockedError when another process reads for the same destination.
    """

    def __init__(self, folder: Path, destination: str) -> None:
        self._folder = folder
        self._path = cursor.cursor_path(folder, destination)
        make_private(folder)
        make_private(self._path.parent)
        self._lock = Lock(self._path.with_suffix(".lock"), f"another shipper for {destination}")
        try:
            found = cursor.load(self._path)
            if not found and self._path.exists():
                _log.error(
                    "a cursor cannot be read; what is still spooled is sent again", extra={"cursor": str(self._path)}
                )
            self._cursor = found or first_cursor(folder, destination)
            self._saved = bool(found)
            self._next = self._cursor.position
            self._save(self._cursor)
        except BaseException:
            self._lock.release()
            raise

    @property
    def cursor(self) -> Cursor:
        """What this destination has behind it."""
        return self._cursor

    def read(self, max_records: int, max_bytes: int) -> list[SpooledRecord]:
        """Return the next records, oldest first; empty when there are none now.

        At most `max_records`, and as many as fit `max_bytes`, but at least one when there is one.
        """
        records: list[SpooledRecord] = []
        left = max_bytes
        for place, record in self._walk(self._next):
            if record:
                if records and record.size > left:
                    break
                records.append(record)
                left -= record.size
            self._next = place
            if len(records) >= max_records or left <= 0:
                break
        if not records and self._cursor.is_behind_only_damage(self._next):
            self._save(self._cursor.acknowledge(self._next))
        return records

    def rewind(self) -> None:
        """Hand out again what was read and not acknowledged."""
        self._next = self._cursor.position

    def acknowledge(self, position: Position, *, rejected: int = 0, dead: int = 0) -> None:
        """Move on to a record's position: the destination has all up to it, but kept `rejected` and `dead` of them not.

        Replaces the cursor atomically. A position that was passed already changes nothing. Does not raise: when the
        disk refuses the cursor, this process goes on, and the next one sends again what the disk did not learn.
        """
        self._save(self._cursor.acknowledge(position, rejected, dead))

    def expire(self, age: float) -> int:
        """Give up records that were recorded more than `age` seconds ago; return how many."""
        oldest = time.time_ns() - int(age * 1e9)
        reached = self._cursor.position
        for place, record in self._walk(reached):
            if record and record.recorded_ns >= oldest:
                break
            reached = place
        expired = self._cursor.expire(reached)
        given_up = expired.expired - self._cursor.expired
        if given_up:
            self._save(expired)
            self._next = max(self._next, reached)
            _log.warning("records waited too long", extra={"destination": expired.destination, "records": given_up})
        return given_up

    def close(self) -> None:
        """Let the cursor go; more than once does no harm."""
        self._lock.release()

    def _save(self, moved: Cursor) -> None:
        if moved == self._cursor and self._saved:
            return
        damaged = moved.position.damaged - self._cursor.position.damaged
        if damaged:
            _log.error("damaged records were passed over", extra={"folder": str(self._folder), "records": damaged})
        self._cursor = moved
        try:
            cursor.save(self._path, moved)
            self._saved = True
        except OSError as error:
            self._saved = False
            _log.error("the disk did not take a cursor", extra={"cursor": str(self._path), "error": error.strerror})

    def _walk(self, start: Position) -> Iterator[tuple[Position, SpooledRecord | None]]:
        """Yield each record that is in the account already, with the place behind it; None for a place without one."""
        counts = read_counts(self._folder)  # before the segments: what it counts is then in them
        if counts is None or start.index >= counts[APPENDED]:
            return
        place = start
        for segment in segments_from(self._folder, start.segment):
            place = _entered(place, segment)
            yield place, None
            for entry in segment.entries(place.offset):
                if entry.index >= counts[APPENDED]:
                    return
                record = _record(entry, place)
                if record:
                    place = record.position
                    yield place, record


def first_cursor(folder: Path, destination: str) -> Cursor:
    """Return the cursor of a destination that begins now: before the oldest record that is still there."""
    for segment in segments_from(folder):
        if segment.header:
            counts = segment.header.counters
            start = Position(counts[APPENDED], sum(counts), segment.number, SEGMENT_HEADER_SIZE)
            return Cursor(destination, counts, start)
    counts = read_counts(folder) or NOTHING
    return Cursor(destination, counts, Position(counts[APPENDED], sum(counts)))


def _entered(place: Position, segment: Segment) -> Position:
    if segment.number == place.segment:
        return place
    counts = segment.header.counters if segment.header else NOTHING
    missing = max(0, counts[APPENDED] - place.index)
    return Position(
        place.index + missing,
        max(place.sequence, sum(counts)),
        segment.number,
        SEGMENT_HEADER_SIZE,
        place.damaged + missing,
    )


def _record(entry: Entry, place: Position) -> SpooledRecord | None:
    """Return a record that lies at or behind a place; what is missing between the two is counted as damaged."""
    if entry.index < place.index:
        return None
    try:
        call = decode(entry.body)
    except FormatError as error:
        _log.error("a record cannot be read", extra={"sequence": entry.sequence, "error": str(error)})
        return None
    damaged = place.damaged + entry.index - place.index
    behind = Position(entry.index + 1, entry.sequence + 1, place.segment, entry.end, damaged)
    return SpooledRecord(entry.sequence, entry.end - entry.offset, behind, call)
