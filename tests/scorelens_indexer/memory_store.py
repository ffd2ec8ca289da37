"""A store in memory that keeps the whole contract of writing, so that the indexer's edges can be reached in tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from scorelens_store.contract import (
    Aggregation,
    AggregationResult,
    Hits,
    Label,
    Outcome,
    PutResult,
    Record,
    Selection,
    SignificantWords,
    Sort,
)
from scorelens_store.errors import RecordNotFoundError
from tests.scorelens_indexer.spans import stored


class MemoryStore:
    """Keeps records by id. `fault` is raised by every change; `gate` holds puts back while it is cleared."""

    parallel_puts = 1

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.tombstones: set[str] = set()
        self.puts: list[int] = []
        self.fault: Exception | None = None
        self.reject: Callable[[Record], str] = lambda record: ""
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        self.closed = False
        self.purged = False

    def put(self, records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        """Insert what is not there yet."""
        records = [record for some in (records, *more) for record in some]
        self.waiting.set()
        assert self.gate.wait(60)
        self._fail()
        self.puts.append(len(records))
        return [self._put(record) for record in records]

    def annotate(self, record_id: str, labels: Mapping[str, Label]) -> None:
        """Add labels."""
        self._fail()
        if record_id not in self.records:
            raise RecordNotFoundError(f"no record has the id {record_id}")
        self.records[record_id]["labels"] |= labels

    def forget(
        self, *, record_ids: Sequence[str] = (), document_ids: Sequence[str] = (), customer_ids: Sequence[str] = ()
    ) -> int:
        """Remove records for good."""
        self._fail()
        gone = [
            key
            for key, record in self.records.items()
            if key in record_ids
            or record.get("document", {}).get("id") in document_ids
            or record.get("customer", {}).get("id") in customer_ids
        ]
        for key in gone:
            del self.records[key]
        self.tombstones.update(gone, record_ids)
        return len(gone)

    def bytes_on_disk(self) -> int:
        """Take no disk."""
        return 0

    def purge(self, least: float = 0.0) -> Iterator[tuple[int, int]]:
        """Have two steps to do."""
        self._fail()
        yield 1, 2
        self.purged = True
        yield 2, 2

    def get(self, record_id: str) -> Record | None:
        """Return one record."""
        return self.records.get(record_id)

    def available(self) -> bool:
        """Tell whether changes succeed."""
        return self.fault is None

    def describe(self) -> str:
        """Name the store."""
        return "memory"

    def close(self) -> None:
        """Note the end."""
        self.closed = True

    def search(
        self,
        selection: Selection,
        *,
        limit: int = 10,
        sort: Sort = Sort(),  # noqa: B008
        after: tuple[Any, ...] = (),
        highlight: bool = False,
    ) -> Hits:
        """Never needed by the indexer."""
        raise NotImplementedError

    def pages(
        self,
        selection: Selection,
        *,
        limit: int,
        sort: Sort = Sort(),  # noqa: B008
        highlight: bool = False,
    ) -> Iterator[Hits]:
        """Never needed by the indexer."""
        raise NotImplementedError

    def significant_words(
        self,
        selection: Selection,
        against: Selection | None = None,
        *,
        field: str = "",
        limit: int = 20,
        least: int = 3,
    ) -> SignificantWords:
        """Never needed by the indexer."""
        raise NotImplementedError

    def count(self, selection: Selection) -> int:
        """Never needed by the indexer."""
        raise NotImplementedError

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Never needed by the indexer."""
        raise NotImplementedError

    def scan(self, selection: Selection, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Record]:
        """Never needed by the indexer."""
        raise NotImplementedError

    def expire(self, before: datetime) -> int:
        """Never needed by the indexer."""
        raise NotImplementedError

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault

    def _put(self, record: Record) -> PutResult:
        key = record["record"]["id"]
        if reason := self.reject(record):
            return PutResult(Outcome.REJECTED, reason)
        if key in self.tombstones:
            return PutResult(Outcome.FORGOTTEN)
        if key in self.records:
            return PutResult(Outcome.DUPLICATE)
        self.records[key] = stored(record)
        return PutResult(Outcome.STORED)
