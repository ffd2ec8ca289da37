"""The store as one person sees it. Whatever a page, an export or an API returns is read here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from scorelens_console.access.identity import Identity
from scorelens_console.access.policy import guarded, redacted
from scorelens_store.contract import (
    Aggregation,
    AggregationResult,
    Hits,
    Reader,
    Record,
    Selection,
    SignificantWords,
    Sort,
)

_BY_RELEVANCE = Sort()


class Archive:
    """A reader that leaves out what an identity may not see, and refuses to search by it with NotAllowedError."""

    def __init__(self, reader: Reader, identity: Identity) -> None:
        self._reader, self.identity = reader, identity

    def get(self, record_id: str) -> Record | None:
        """Return one record as far as it may be seen, or None."""
        record = self._reader.get(record_id)
        return redacted(self.identity, record) if record else None

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
        allowed = self._guarded(selection, *_names(sort))
        return self._seen(self._reader.search(allowed, limit=limit, sort=sort, after=after, highlight=highlight))

    def pages(
        self, selection: Selection, *, limit: int, sort: Sort = _BY_RELEVANCE, highlight: bool = False
    ) -> Iterator[Hits]:
        """Yield the first `limit` hits as of one moment."""
        allowed = self._guarded(selection, *_names(sort))
        return map(self._seen, self._reader.pages(allowed, limit=limit, sort=sort, highlight=highlight))

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        return self._reader.count(self._guarded(selection))

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation by name."""
        fields = (aggregation.field for aggregation in aggregations.values())
        return self._reader.aggregate(self._guarded(selection, *fields), aggregations)

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
        return (seen for record in records if (seen := redacted(self.identity, record)))

    def close(self) -> None:
        """Leave the store open, which others read as well."""

    def _guarded(self, selection: Selection, *fields: str) -> Selection:
        return guarded(self.identity, selection, fields)

    def _seen(self, found: Hits) -> Hits:
        hits = [replace(hit, record=record) for hit in found.hits if (record := redacted(self.identity, hit.record))]
        return Hits(found.total, hits)


def _names(sort: Sort) -> tuple[str, ...]:
    return () if sort.field is None else (sort.field,)


def _everything_like(selection: Selection) -> Selection:
    from scorelens_store.query.tree import Everything

    return replace(selection, query=Everything())
