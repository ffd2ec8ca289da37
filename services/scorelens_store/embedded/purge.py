"""Taking removed records out of the files of the index.

tantivy marks a removed document and leaves its words in the segment until a merge happens to rewrite it, which for a
large segment may be never. A segment without any live document goes at the next commit. So the live ones are written
anew, some at a time, until only removed ones are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import tantivy

from scorelens_store.contract import Record
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Any, Equals

AT_ONCE: Final = 5000
"""Records written anew with one commit; what is put meanwhile waits for no more than these."""


@dataclass(frozen=True)
class Segment:
    """A segment as the index lists it: `size` counts removed documents, too."""

    name: str
    size: int
    removed: int


def read_segments(meta: Path) -> list[Segment]:
    """Return the segments in the order in which a searcher numbers them. Raises OSError, ValueError, KeyError."""
    listed = orjson.loads(meta.read_bytes())["segments"]
    removed = [(each["deletes"] or {}).get("num_deleted_docs", 0) for each in listed]
    return [Segment(each["segment_id"], each["max_doc"], count) for each, count in zip(listed, removed, strict=True)]


class Purge:
    """What is left to do: how far each segment is that had removed documents at the beginning."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._next = {each.name: 0 for each in segments if each.removed}
        self.total = sum(each.size for each in segments if each.removed)
        self.done = 0

    def next(self, snapshot: Snapshot, segments: Sequence[Segment]) -> list[tuple[Record, bytes]] | None:
        """Return the next live records, each with its JSON, maybe none this time; None when all is done."""
        there = {each.name: (number, each) for number, each in enumerate(segments)}
        for name in [name for name in self._next if name not in there]:
            del self._next[name]  # gone, or merged into another one, which drops what was removed
        for name, start in self._next.items():
            number, segment = there[name]
            if start < segment.size:
                end = min(start + AT_ONCE, segment.size)
                self._next[name] = end
                self.done += end - start
                return _live(snapshot, number, range(start, end))
        return None


def _live(snapshot: Snapshot, segment: int, places: range) -> list[tuple[Record, bytes]]:
    sources = {place: snapshot.source_at(tantivy.DocAddress(segment, place)) for place in places}
    records: dict[int, Record] = {place: orjson.loads(source) for place, source in sources.items()}
    ids = (record["record"]["id"] for record in records.values())
    query = snapshot.translator.query(Any(tuple(Equals(FIELDS["record.id"], record_id) for record_id in ids)))
    hits = snapshot.searcher.search(query, 2 * len(places), False).hits
    live = (address.doc for _, address in hits if address.segment_ord == segment)
    return [(records[place], sources[place]) for place in sorted(live) if place in sources]
