"""Reading records from Elasticsearch. One alias reads all indices of a prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorelens_store.contract import (
    PAGE,
    Aggregation,
    AggregationResult,
    Hit,
    Hits,
    Record,
    Selection,
    SignificantWords,
    Sort,
)
from scorelens_store.elasticsearch.aggregate import aggregate
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.mapping import STANDARD, to_record
from scorelens_store.elasticsearch.order import Order
from scorelens_store.elasticsearch.pages import ROWS, walk, walk_heads
from scorelens_store.elasticsearch.query import to_query
from scorelens_store.elasticsearch.searching import count, search
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.significant import ServerSource
from scorelens_store.elasticsearch.snapshot import Snapshot
from scorelens_store.elasticsearch.unindexed import UNINDEXED
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.forgettable import FIELDS
from scorelens_store.highlight import highlight as highlighted
from scorelens_store.query.tree import Node, is_weighed
from scorelens_store.selection import complete, sort_field
from scorelens_store.significance import answer, question

_BY_RELEVANCE = Sort()
_ANSWER_SOON = 5.0

HEAD = (*FIELDS, "@timestamp", "labels", UNINDEXED)
"""Members of a record that tell which one it is, and what of it can change."""


class ElasticsearchReader:
    """Reads the records of one prefix; before the first record there is none, and no error."""

    def __init__(self, url: str, settings: ElasticsearchSettings) -> None:
        self.settings = settings
        self._connection = Connection(url, settings)

    def get(self, record_id: str) -> Record | None:
        """Return one record with its labels, or None."""
        found = self._search({"query": {"ids": {"values": [record_id]}}, "size": 1})["hits"]["hits"]
        return to_record(found[0]["_source"]) if found else None

    def search(
        self,
        selection: Selection,
        *,
        limit: int = 10,
        sort: Sort = _BY_RELEVANCE,
        after: tuple[Any, ...] = (),
        highlight: bool = False,
    ) -> Hits:
        """Return one page of hits; `after` is the `sort` of the last hit of the page before."""
        listing = self._listing(selection, sort)
        order = listing.order
        rows: list[dict[str, Any]] = []
        while True:
            size = min(max(0, limit - len(rows)), ROWS)
            body = listing.body() | {"size": size, "track_total_hits": not rows}
            place = order.place(rows[-1]["sort"]) if rows else after
            found = self._search(body | ({"search_after": order.after(place)} if place else {}), listing.weighed)
            if not rows:
                total = found["hits"]["total"]["value"]
            rows += found["hits"]["hits"]
            if len(rows) >= limit or len(found["hits"]["hits"]) < size:
                return listing.page(total, rows, highlight)

    def pages(
        self, selection: Selection, *, limit: int, sort: Sort = _BY_RELEVANCE, highlight: bool = False
    ) -> Iterator[Hits]:
        """Yield the first `limit` hits, PAGE at a time, as of the first page; at least one page, which may be empty."""
        if limit <= PAGE:
            yield self.search(selection, limit=limit, sort=sort, highlight=highlight)
            return
        listing = self._listing(selection, sort)
        with Snapshot(self._connection, self.settings.prefix) as snapshot:
            total = snapshot.count(listing.query)
            found = False
            for rows in snapshot.pages(listing.body(), PAGE, weighed=listing.weighed):
                yield listing.page(total, rows[:limit], highlight)
                found = True
                limit -= len(rows)
                if limit <= 0:
                    return
            if not found:
                yield Hits(total, ())

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        return count(self._connection, self.settings.prefix, self._query(complete(selection)))

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation by name."""
        return aggregate(self._search, self._query(complete(selection)), aggregations)

    def significant_words(
        self,
        selection: Selection,
        against: Selection | None = None,
        *,
        field: str = "",
        limit: int = 20,
        least: int = 3,
    ) -> SignificantWords:
        """Return the words that mark a selection against others."""
        asked = question(selection, against, field, limit, least)
        return answer(asked, ServerSource(self._search, self._query))

    def scan(self, selection: Selection, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Record]:
        """Yield every match in order of `@timestamp` and record id, in constant memory, as of the first one."""
        for row in walk(self._connection, self.settings.prefix, self._query(complete(selection))):
            if cancelled():
                return
            yield to_record(row["_source"])

    def scan_heads(self, selection: Selection) -> Iterator[Record]:
        """Yield every match as `scan` does, with its ids, its time and its labels alone."""
        query = self._query(complete(selection))
        for row in walk_heads(self._connection, self.settings.prefix, query, HEAD):
            yield to_record(row["_source"])

    def available(self) -> bool:
        """Tell whether the store answers now."""
        try:
            path = f"/{self.settings.prefix}/_count?ignore_unavailable=true"
            self._connection.request("GET", path, timeout=_ANSWER_SOON)
        except StoreUnavailableError:
            return False
        return True

    def describe(self) -> str:
        """Name the store for people, without credentials."""
        return self._connection.where

    def close(self) -> None:
        """Give back what the reader holds."""
        self._connection.close()

    def _query(self, node: Node) -> dict[str, Any]:
        return to_query(node, analyzed=self.settings.analyzer != STANDARD)

    def _listing(self, selection: Selection, sort: Sort) -> Listing:
        node, field = complete(selection), sort_field(sort)
        weighed = field is None and is_weighed(node)
        return Listing(selection.query, self._query(node), Order(field, sort.descending), weighed)

    def _search(self, body: dict[str, Any], weighed: bool = False) -> dict[str, Any]:
        # Frequencies of words are those of all indices together, or order would depend on the day of a record; it takes
        # the servers one round more.
        kind = "dfs_query_then_fetch" if weighed else "query_then_fetch"
        found: dict[str, Any] | None = search(self._connection, self.settings.prefix, body, kind=kind)
        return found or {"hits": {"hits": [], "total": {"value": 0}}}


@dataclass(frozen=True)
class Listing:
    """What is asked for, and in which order."""

    asked: Node
    query: dict[str, Any]
    order: Order
    weighed: bool

    def body(self) -> dict[str, Any]:
        """Return the body of a request for hits."""
        return {"query": self.query, "sort": self.order.clauses(), "track_scores": self.order.field is None}

    def page(self, total: int, rows: Sequence[dict[str, Any]], highlight: bool) -> Hits:
        """Return rows of an answer as hits."""
        return Hits(total, [self._hit(row, highlight) for row in rows])

    def _hit(self, row: dict[str, Any], highlight: bool) -> Hit:
        record = to_record(row["_source"])
        marked = highlighted(self.asked, record) if highlight else {}
        return Hit(record, float(row["_score"] or 0.0) if self.weighed else 0.0, marked, self.order.place(row["sort"]))
