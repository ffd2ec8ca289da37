"""The index as it was at one moment, and how records are read from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import tantivy

from scorelens_store.contract import Record
from scorelens_store.embedded.schema import SOURCE
from scorelens_store.embedded.translate import Translator
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Equals, Node


@dataclass(frozen=True)
class Snapshot:
    """A searcher of one moment and the translation of queries for it."""

    searcher: tantivy.Searcher
    translator: Translator
    _counts: dict[Node, int] = field(default_factory=dict, repr=False)

    def count(self, node: Node) -> int:
        """Return how many records match."""
        if node not in self._counts:
            self.top(node, "@timestamp", descending=True, size=1)  # in half the time that weighing every match takes
        return self._counts[node]

    def top(self, node: Node, column: str, descending: bool, size: int) -> list[tuple[Any, tantivy.DocAddress]]:
        """Return values and addresses of the records that come first by a column; how many there are is known then."""
        order = tantivy.Order.Desc if descending else tantivy.Order.Asc
        found: Any = self.searcher.search(self.translator.query(node), size, True, column, 0, order)
        self._counts[node] = int(found.count)
        return list(found.hits)

    def first(self, node: Node, column: str, size: int) -> list[tuple[Any, tantivy.DocAddress]]:
        """Return values and addresses of the records that have the least values of a column, these first."""
        query = self.translator.query(node)
        hits: Any = self.searcher.search(query, size, False, column, 0, tantivy.Order.Asc).hits
        return list(hits)

    def ever_had(self, record_id: str) -> bool:
        """Tell whether an id is among the terms, where those of removed records stay until a merge."""
        return bool(self.searcher.doc_freq("record.id", record_id))

    def has(self, record_id: str) -> bool:
        """Tell whether a record is there."""
        return bool(self._addresses(record_id))

    def source(self, record_id: str) -> bytes | None:
        """Return a record as JSON, or None."""
        addresses = self._addresses(record_id)
        return self.source_at(addresses[0]) if addresses else None

    def _addresses(self, record_id: str) -> list[tantivy.DocAddress]:
        query = self.translator.query(Equals(FIELDS["record.id"], record_id))
        return [address for _, address in self.searcher.search(query, 1, count=False).hits]

    def source_at(self, address: tantivy.DocAddress) -> bytes:
        """Return the record at an address as JSON."""
        source: Any = self.searcher.doc(address).get_first(SOURCE)
        return bytes(source)

    def records(self, record_ids: Iterable[str]) -> Iterator[Record]:
        """Yield the records of ids that are there."""
        sources = (self.source(record_id) for record_id in record_ids)
        return (orjson.loads(source) for source in sources if source is not None)
