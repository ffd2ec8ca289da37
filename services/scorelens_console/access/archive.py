"""The store as one person sees it. Whatever a page, an export or an API returns is read here and nowhere else.

Every record with its document that is read leaves its mark on the trail of the request, whose audit line is written
before the answer goes. What needs no documents, such as the names of tags, is read from the archive's `outline`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from scorelens_console.access.identity import Identity
from scorelens_console.access.policy import checked_place, guarded, outlined, redacted, seen_highlights
from scorelens_console.access.trail import Trail
from scorelens_store.contract import (
    Aggregation,
    AggregationResult,
    Hit,
    Hits,
    Reader,
    Record,
    Selection,
    SignificantWords,
    Sort,
)
from scorelens_store.query.tree import Everything

_BY_RELEVANCE = Sort()


class Archive:
    """A reader that leaves out what an identity may not see, and refuses to search by it with NotAllowedError."""

    def __init__(self, reader: Reader, identity: Identity, trail: Trail | None) -> None:
        """Read for somebody; without a trail records are outlines, which show nothing of a document."""
        self._reader, self.identity, self._trail = reader, identity, trail

    @property
    def outline(self) -> Archive:
        """Return the same records without their documents, which leave no audit line."""
        return Archive(self._reader, self.identity, None)

    def get(self, record_id: str) -> Record | None:
        """Return one record as far as it may be seen, or None."""
        record = self._reader.get(record_id)
        return self._seen(record) if record else None

    def search(
        self,
        selection: Selection,
        *,
        limit: int = 10,
        sort: Sort = _BY_RELEVANCE,
        after: tuple[Any, ...] = (),
        highlight: bool = False,
    ) -> Hits:
        """Return one page of hits."""
        allowed, place = self._guarded(selection, *_names(sort)), checked_place(sort, after)
        return self._hits(self._reader.search(allowed, limit=limit, sort=sort, after=place, highlight=highlight))

    def pages(
        self, selection: Selection, *, limit: int, sort: Sort = _BY_RELEVANCE, highlight: bool = False
    ) -> Iterator[Hits]:
        """Yield the first `limit` hits as of one moment."""
        allowed = self._guarded(selection, *_names(sort))
        return map(self._hits, self._reader.pages(allowed, limit=limit, sort=sort, highlight=highlight))

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        return self._reader.count(self._guarded(selection))

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation by name."""
        # Whatever text an aggregation holds names a field, and so will what it gains one day.
        texts = (value for one in aggregations.values() for value in vars(one).values() if isinstance(value, str))
        return self._reader.aggregate(self._guarded(selection, *filter(None, texts)), aggregations)

    def significant_words(
        self,
        selection: Selection,
        against: Selection | None = None,
        *,
        field: str = "",
        limit: int = 20,
        least: int = 3,
    ) -> SignificantWords:
        """Return the words that are more frequent in a selection than `against` another."""
        fields = (field,) if field else ()
        other = self._guarded(against or _everything_like(selection), *fields)
        return self._reader.significant_words(
            self._guarded(selection, *fields), other, field=field, limit=limit, least=least
        )

    def scan(self, selection: Selection, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Record]:
        """Yield every match in order of time, as far as it may be seen."""
        records = self._reader.scan(self._guarded(selection), cancelled=cancelled)
        return (seen for record in records if (seen := self._seen(record)))

    def close(self) -> None:
        """Leave the store open, which others read as well."""

    def _guarded(self, selection: Selection, *fields: str) -> Selection:
        return guarded(self.identity, selection, fields)

    def _seen(self, record: Record) -> Record | None:
        seen = redacted(self.identity, record)
        if seen is None or self._trail is None:
            return outlined(seen) if seen else None
        if "document" in seen:
            self._trail.saw(seen)
        return seen

    def _hits(self, found: Hits) -> Hits:
        return Hits(found.total, [hit for one in found.hits if (hit := self._hit(one))])

    def _hit(self, hit: Hit) -> Hit | None:
        record = self._seen(hit.record)
        if record is None:
            return None
        highlights = seen_highlights(self.identity, hit.record, hit.highlights) if self._trail else {}
        return replace(hit, record=record, highlights=highlights)


def _names(sort: Sort) -> tuple[str, ...]:
    return () if sort.field is None else (sort.field,)


def _everything_like(selection: Selection) -> Selection:
    return replace(selection, query=Everything())
