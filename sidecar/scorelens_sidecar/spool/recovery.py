"""What a writer finds on disk when it starts, and how the account is brought in line with it.

An append is: write the records, then raise one counter. What a kill between the two leaves behind:

- Nothing of the write, or a torn record at the end: the append never returned, so its call was never answered. The torn
  bytes are cut off; whole records before them are kept, they only count more than was answered.
- Whole records that the account does not count: they carry their sequence number and index, so the account becomes at
  least the last record's. At most one append can be in this state, because the writer is the only one and waits for it.

Readers never look past the account's `appended`, so no destination can have such records before they are counted.

A power cut is worse, because the account's page, the segments and the cursors reach the disk each in its own time. The
rule is that no number is given twice: the account starts at the largest of its own counters, those in the last
segment's header, the last record's numbers, and those that any destination has passed. Numbers that nothing on disk
explains are counted as damaged.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from scorelens_sidecar.spool import cursor
from scorelens_sidecar.spool.counters import APPENDED, NOTHING, Counts, largest
from scorelens_sidecar.spool.format import COUNTERS, SEGMENT_HEADER_SIZE
from scorelens_sidecar.spool.segments import Entry, Segment, segment_numbers

_log = logging.getLogger(__name__)
_DAMAGED = COUNTERS.index("damaged")


def recover(folder: Path, account: Counts) -> tuple[Counts, int]:
    """Cut the torn end off the last segment.

    Returns the account in line with the disk, and the number of the next segment.
    """
    numbers = segment_numbers(folder)
    known, passed = [account], [(0, 0)]
    for number in reversed(numbers):
        with Segment(folder, number) as segment:
            known.append(segment.header.counters if segment.header else NOTHING)
            last = _last_entry(segment)
            if number == numbers[-1]:
                _cut(segment, last)
        if last:
            passed.append((last.sequence + 1, last.index + 1))
        if last or segment.header:
            break
    cursors = list(cursor.load_all(folder).values())
    passed += [(each.position.sequence, each.position.index) for each in cursors]
    seen, appended = (max(column) for column in zip(*passed, strict=True))
    return reconcile(largest(known), seen, appended), _next_number(numbers, cursors)


def reconcile(account: Counts, seen: int, appended: int) -> Counts:
    """Raise an account to the numbers that are known to be taken: `seen` in all, `appended` of them records."""
    counts = list(account)
    counts[APPENDED] = max(counts[APPENDED], appended)
    counts[_DAMAGED] += max(0, seen - sum(counts))
    return tuple(counts)


def _last_entry(segment: Segment) -> Entry | None:
    last = None
    for last in segment.entries():  # noqa: B007
        pass
    return last


def _cut(segment: Segment, last: Entry | None) -> None:
    end = last.end if last else min(segment.size, SEGMENT_HEADER_SIZE)
    torn = segment.size - end
    if torn:
        _log.warning("cut a torn end off a segment", extra={"segment": str(segment.path), "bytes": torn})
        os.truncate(segment.path, end)


def _next_number(numbers: list[int], cursors: Iterable[cursor.Cursor]) -> int:
    return 1 + max([0, *numbers, *(each.position.segment for each in cursors)])
