"""Reading records from Elasticsearch. One alias reads all indices of a prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scorelens_store.contract import Aggregation, AggregationResult, Hit, Hits, Record, Selection, Sort
from scorelens_store.elasticsearch.aggregate import aggregate
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.mapping import STANDARD, to_record
from scorelens_store.elasticsearch.order import Order
from scorelens_store.elasticsearch.pages import ROWS, walk, walk_heads
from scorelens_store.elasticsearch.query import to_query
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.forgettable import FIELDS
from scorelens_store.highlight import highlight as highlighted
from scorelens_store.query.tree import Node, is_weighed
from scorelens_store.selection import complete, sort_field

_BY_RELEVANCE = Sort()
_ANSWER_SOON = 5.0

HEAD = (*FIELDS, "@timestamp", "labels")
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
        node, field = complete(selection), sort_field(sort)
        query, order = self._query(node), Order(field, sort.descending)
        found = self._page(query, order, after, limit)
        total = found["hits"]["total"]["value"]
        rows = found["hits"]["hits"]
        while 0 < len(rows) < limit and found["hits"]["hits"]:
            found = self._page(query, order, order.place(rows[-1]["sort"]), limit - len(rows))
            rows += found["hits"]["hits"]
        weighed = field is None and is_weighed(node)
        hits = [self._hit(row, order, weighed) for row in rows]
        if highlight:
            hits = [Hit(hit.record, hit.score, highlighted(selection.query, hit.record), hit.sort) for hit in hits]
        return Hits(total, hits)

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        path = f"/{self.settings.prefix}/_count?ignore_unavailable=true"
        found = self._connection.request("POST", path, {"query": self._query(complete(selection))})
        if found and found["_shards"]["failed"]:
            raise StoreUnavailableError(f"{self.describe()} could not count in all of its indices")
        return int(found["count"]) if found else 0

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation by name."""
        return aggregate(self._search, self._query(complete(selection)), aggregations)

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
            yield row["_source"]

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

    def _page(self, query: dict[str, Any], order: Order, after: tuple[Any, ...], limit: int) -> dict[str, Any]:
        body = {
            "query": query,
            "sort": order.clauses(),
            "size": max(0, min(limit, ROWS)),
            "track_total_hits": True,
            "track_scores": order.field is None,
        }
        return self._search(body | {"search_after": order.after(after)} if after else body)

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        # Frequencies of words are those of all indices together, or order would depend on the day of a record.
        options = "ignore_unavailable=true&search_type=dfs_query_then_fetch&allow_partial_search_results=false"
        path = f"/{self.settings.prefix}/_search?{options}"
        found: dict[str, Any] | None = self._connection.request("POST", path, body)
        return found or {"hits": {"hits": [], "total": {"value": 0}}}

    @staticmethod
    def _hit(row: dict[str, Any], order: Order, weighed: bool) -> Hit:
        score = float(row["_score"] or 0.0) if weighed else 0.0
        return Hit(to_record(row["_source"]), score, sort=order.place(row["sort"]))
