"""What significant words are found with in the embedded store: records are read, and words counted in the index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from scorelens_store.embedded.aggregate import count_values
from scorelens_store.embedded.schema import ORDER
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.fields import Field
from scorelens_store.query.tree import All, Node
from scorelens_store.values import values_of


@dataclass(frozen=True)
class IndexSource:
    """Finds words in the index as it was at one moment."""

    snapshot: Snapshot

    def counts(self, node: Node, words: Sequence[Node]) -> tuple[int, list[int]]:
        """Return how many records match a query, and how many of them each of some others."""
        return self.snapshot.count(node), [self.snapshot.count(All((node, word))) for word in words]

    def texts(self, node: Node, fields: Sequence[Field], most: int) -> Iterator[list[str]]:
        """Yield the texts of each of the first so many matches in the order of their ids."""
        for _, address in self.snapshot.first(node, ORDER, most):
            record = orjson.loads(self.snapshot.source_at(address))
            yield [str(text) for field in fields for text in values_of(record, field)]

    def values(self, node: Node, field: Field, least: int, most: int) -> Mapping[str, int]:
        """Return the most frequent values that at least so many records have, and how many have them."""
        return count_values(self.snapshot, node, field, most, least=least)

    def values_among(self, node: Node, field: Field, values: Sequence[str]) -> Mapping[str, int]:
        """Return how many records have each of some values."""
        return count_values(self.snapshot, node, field, len(values), among=values)
