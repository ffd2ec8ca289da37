"""Documents taken out of the spools of a sidecar's folder, while relay and shippers use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import google_crc32c

from scorelens_sidecar.forgetting.blanking import Blanked, Blanking
from scorelens_sidecar.spool.counters import APPENDED, read_counts
from scorelens_sidecar.spool.cursor import Position
from scorelens_sidecar.spool.edits import editing, replace_records
from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.folders import ACCOUNT
from scorelens_sidecar.spool.format import PREFIX, FormatError, decode
from scorelens_sidecar.spool.segments import Entry, Segment, segment_numbers, segments_from

MOST_AT_ONCE = 16 * 2**20
"""Bytes of records that are replaced together."""


@dataclass(slots=True)
class Found:
    """What was found in spools: records concerned, documents in them, records whose messages went as a whole."""

    records: int = 0
    documents: int = 0
    whole: int = 0

    def add(self, blanked: Blanked) -> None:
        """Count a record."""
        self.records += 1
        self.documents += blanked.documents
        self.whole += blanked.whole


def blank_spool(folder: Path, blanking: Blanking, found: Found, *, dry_run: bool = False) -> None:
    """Blank what is wanted in all records that the account of a relay's folder counts now.

    Goes on until it has seen what was recorded meanwhile, too. Raises OSError and SpoolError.
    """
    if dry_run:
        _pass(folder, Position(), blanking, found, dry_run=True)
        return
    with editing(folder):
        begin, end = Position(), _pass(folder, Position(), blanking, found, dry_run=False)
        while begin < end:
            begin, end = end, _pass(folder, end, blanking, found, dry_run=False)


def _pass(folder: Path, begin: Position, blanking: Blanking, found: Found, *, dry_run: bool) -> Position:
    """Go over the records behind a place; return the place behind the last one that is counted now."""
    end = Position(_appended(folder), segment=begin.segment)
    for segment in segments_from(folder, begin.segment):
        changes: dict[int, bytes] = {}
        size = 0
        for entry in _entries(segment, begin.index, end.index):
            blanked = _blank(entry, blanking)
            if blanked is None:
                continue
            found.add(blanked)
            changes[entry.offset] = _sealed(blanked.body, segment)
            size += len(blanked.body)
            if size > MOST_AT_ONCE:
                _replace(segment, changes, dry_run)
                size = 0
        _replace(segment, changes, dry_run)
        end = replace(end, segment=segment.number)
    return end


def _sealed(body: bytes, segment: Segment) -> bytes:
    return PREFIX.pack(segment.marker, len(body), google_crc32c.value(body)) + body


def _appended(folder: Path) -> int:
    counts = read_counts(folder)
    if counts is None and segment_numbers(folder):
        raise SpoolError(
            f"{folder / ACCOUNT} cannot be read: start the sidecar once, which mends it, and run this again"
        )
    return counts[APPENDED] if counts else 0


def _entries(segment: Segment, first: int, end: int) -> Iterator[Entry]:
    for entry in segment.entries():
        if entry.index >= end:
            return
        if entry.index >= first:
            yield entry


def _blank(entry: Entry, blanking: Blanking) -> Blanked | None:
    try:
        return blanking.blank(decode(entry.body), entry.body)
    except FormatError:
        return None


def _replace(segment: Segment, changes: dict[int, bytes], dry_run: bool) -> None:
    if changes and not dry_run:
        replace_records(segment.path, changes)
    changes.clear()
