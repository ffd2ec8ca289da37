"""What an indexer counts of its work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from scorelens_indexer import metrics
from scorelens_indexer.account import Counts
from scorelens_indexer.budget import Budget
from scorelens_indexer.statuses import code_of
from scorelens_runtime.metrics.counting import Points
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_store.contract import Outcome, PutResult, Record

UNREADABLE, REFUSED, FAULT = "unreadable", "refused", "fault"
"""Why spans become dead letters."""


class Measures:
    """Counts exports, puts and dead letters, from any thread, and has the rest read where it is."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._exports = instruments.histogram(metrics.EXPORT_DURATION)
        self._letters = instruments.counter(metrics.DEAD_LETTERS)
        self._puts = instruments.histogram(metrics.PUT_DURATION)
        self._ages = instruments.histogram(metrics.RECORD_AGE)
        self._newest = 0.0
        instruments.read(metrics.NEWEST, lambda: [((), self._newest)] if self._newest else [])
        for reason in (UNREADABLE, REFUSED, FAULT):
            self._letters.add(0, reason)

    @contextmanager
    def export(self) -> Iterator[None]:
        """Time an export, and count it by the status that its sender gets."""
        began, status = time.perf_counter(), "OK"
        try:
            yield
        except Exception as error:
            status = code_of(error).name
            raise
        finally:
            self._exports.observe(time.perf_counter() - began, status)

    def put(self, outcome: str, seconds: float) -> None:
        """Count a put."""
        self._puts.observe(seconds, outcome)

    def letters(self, reason: str, count: int) -> None:
        """Count dead letters."""
        self._letters.add(count, reason)

    def stored(self, records: Sequence[Record], results: Sequence[PutResult]) -> None:
        """Note how new the newest record of an export is, of those that were stored."""
        pairs = zip(records, results, strict=True)
        stamps = [record["@timestamp"] for record, result in pairs if result.outcome is Outcome.STORED]
        if stamps:
            newest = datetime.fromisoformat(max(stamps)).timestamp()
            self._newest = max(self._newest, newest)
            self._ages.observe(max(0.0, time.time() - newest))

    def read_account(self, counts: Callable[[], Counts]) -> None:
        """Have the account read."""
        self._instruments.read(metrics.SPANS, lambda: _spans(counts()))
        self._instruments.read(metrics.EXPIRED, lambda: [((), counts().expired)])

    def read_work(self, budget: Budget, is_store_away: Callable[[], bool]) -> None:
        """Have read what is in work, and whether the store is there."""
        self._instruments.read(metrics.WORK_EXPORTS, lambda: [((), budget.exports)])
        self._instruments.read(metrics.WORK_SIZE, lambda: [((), budget.bytes)])
        self._instruments.read(metrics.WORK_LIMIT, lambda: [((), budget.most_bytes)])
        self._instruments.read(metrics.STORE_UP, lambda: [((), float(not is_store_away()))])


def _spans(counts: Counts) -> Points:
    return [
        (("stored",), counts.stored),
        (("duplicate",), counts.duplicates),
        (("forgotten",), counts.forgotten),
        (("dead_letter",), counts.dead_letters),
        (("ignored",), counts.ignored),
        (("refused",), counts.refused),
    ]
