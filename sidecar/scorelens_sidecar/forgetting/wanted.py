"""What is to be forgotten: ids of records, documents and customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

KINDS = ("record", "document", "customer")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Ids by kind. An empty id stands for none and never matches."""

    record: frozenset[str] = frozenset()
    document: frozenset[str] = frozenset()
    customer: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ids: Mapping[str, Iterable[str]]) -> Wanted:
        """Take ids by the names of KINDS; record ids are written in lower case everywhere."""
        kept = {kind: {one for one in ids.get(kind, ()) if one} for kind in KINDS}
        kept["record"] = {one.lower() for one in kept["record"]}
        return cls(**{kind: frozenset(some) for kind, some in kept.items()})

    def __bool__(self) -> bool:
        return bool(self.record or self.document or self.customer)

    def matches(self, record_id: str, document_id: str, customer_id: str) -> bool:
        """Tell whether what has these ids is to be forgotten."""
        return record_id in self.record or document_id in self.document or customer_id in self.customer

    def with_names(self, other: Wanted) -> Wanted:
        """Return these ids and others."""
        return Wanted(self.record | other.record, self.document | other.document, self.customer | other.customer)
