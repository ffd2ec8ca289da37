"""Deleting segments that every destination has behind it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from scorelens_sidecar.spool import cursor
from scorelens_sidecar.spool.quota import bytes_on_disk
from scorelens_sidecar.spool.segments import Segment, segment_numbers, segment_path, segments_from


def cleanup(folder: Path, destinations: Iterable[str], keep: float = 0.0, most_bytes: int = 0) -> int:
    """Delete the segments that all named destinations have passed, never the live one; return how many.

    Those that were ended less than `keep` seconds ago stay, as long as all segments take no more than `most_bytes`.
    A named destination without a cursor has not begun and holds everything. The cursor of one that is not named any
    more holds nothing, and goes when what it would read next is gone. Raises OSError.
    """
    cursors = cursor.load_all(folder)
    named = set(destinations)
    passed = min((cursors[name].position.index if name in cursors else 0 for name in named), default=0)
    kept_since = time.time_ns() - int(keep * 1e9)
    deleted = 0
    for number, following in pairwise(segment_numbers(folder)):
        with Segment(folder, following) as segment:
            first, ended = segment.first_index(), segment.header.created_ns if segment.header else 0
        if first is None or first > passed:
            break
        if keep and ended > kept_since and bytes_on_disk(folder) <= most_bytes:
            break
        with contextlib.suppress(FileNotFoundError):
            segment_path(folder, number).unlink()
            deleted += 1
    _forget_the_unnamed(folder, cursors, named)
    return deleted


def _forget_the_unnamed(folder: Path, cursors: dict[str, cursor.Cursor], named: set[str]) -> None:
    oldest = next((each.header.index for each in segments_from(folder) if each.header), 0)
    for name, each in cursors.items():
        if name not in named and each.position.index < oldest:
            cursor.remove(folder, name)
