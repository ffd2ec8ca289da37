"""What significant words are found with in Elasticsearch: texts are read, and words counted by the server.

The server's own significant_text would look for words alone in whole texts, whatever their length, and for each of them
once in the records that are compared with; its words of several fields could not be put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorelens_store.elasticsearch.mapping import to_record
from scorelens_store.elasticsearch.pages import LENGTH, by_room
from scorelens_store.elasticsearch.query import Query, column, to_query
from scorelens_store.fields import Field
from scorelens_store.query.tree import Node
from scorelens_store.values import values_of

Search = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class ServerSource:
    """Finds words on a server: `search` sends the body of a request, `to` translates what people asked."""

    search: Search
    to: Callable[[Node], Query]

    def counts(self, node: Node, words: Sequence[Node]) -> tuple[int, list[int]]:
        """Return how many records match a query, and how many of them each of some others."""
        # A word that was found is itself, and not what an analyzer takes for the same.
        filters = {"words": {"filters": {"filters": [to_query(word) for word in words]}}} if words else {}
        answer = self.search({"query": self.to(node), "size": 0, "track_total_hits": True, "aggs": filters})
        buckets = answer.get("aggregations", {}).get("words", {}).get("buckets", ())
        return int(answer["hits"]["total"]["value"]), [each["doc_count"] for each in buckets] or [0] * len(words)

    def texts(self, node: Node, fields: Sequence[Field], most: int) -> Iterator[list[str]]:
        """Yield the texts of each of the first so many matches in the order of their ids."""
        listing = {"query": self.to(node), "size": most, "track_total_hits": False, "sort": {"record.id": "asc"}}
        keys = self.search(listing | {"_source": False, "docvalue_fields": [LENGTH]})["hits"]["hits"]
        for group in by_room(keys):
            body = {"query": {"ids": {"values": [key["_id"] for key in group]}}, "size": len(group)}
            rows = self.search(body | {"_source": [field.name for field in fields]})["hits"]["hits"]
            records = {row["_id"]: to_record(row["_source"]) for row in rows}
            for record in (records[key["_id"]] for key in group if key["_id"] in records):
                yield [str(text) for field in fields for text in values_of(record, field)]

    def values(self, node: Node, field: Field, least: int, most: int) -> Mapping[str, int]:
        """Return the most frequent values that at least so many records have, and how many have them."""
        return self._values(node, {"field": column(field), "size": most, "shard_size": 2 * most}, least)

    def values_among(self, node: Node, field: Field, values: Sequence[str]) -> Mapping[str, int]:
        """Return how many records have each of some values."""
        return self._values(node, {"field": column(field), "size": len(values), "include": list(values)}, 1)

    def _values(self, node: Node, terms: dict[str, Any], least: int) -> Mapping[str, int]:
        values = {"values": {"terms": terms | {"min_doc_count": least}}}
        answer = self.search({"query": self.to(node), "size": 0, "track_total_hits": False, "aggs": values})
        buckets = answer.get("aggregations", {}).get("values", {}).get("buckets", ())
        return {str(each["key"]): each["doc_count"] for each in buckets}
