"""One run of a migration: compares the stores day by day, and puts into the target what it lacks.

No position is kept: the target tells what it has. So a run that was killed, a second run after the source went on being
written to, and a check of what another tool has copied are all the same thing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from scorelens_client.migrating.pairs import Pair, label_changes, pair, together
from scorelens_client.migrating.report import Day, Report
from scorelens_store.contract import Bucket, DateHistogram, Outcome, PutResult, Reader, Record, Selection
from scorelens_store.errors import RecordNotFoundError, StoreUnavailableError
from scorelens_store.moving import Forgotten, Source, Target
from scorelens_store.query.tree import Everything

PASSES: Final = 4
"""How often days that differ are compared: a source or a target that is being written to makes it necessary again."""
PATIENCE: Final = 300.0
"""Seconds for which a store may be away before the run gives up."""
NAMED: Final = 1_000
_ASKED_TOGETHER: Final = 1_000


class Watcher(Protocol):
    """Who is told how far a run is."""

    def expect(self, records: int) -> None:
        """Say about how many records will be compared, beyond those that were before."""

    def step(self, compared: int, copied: int) -> None:
        """Say that records were compared and copied."""

    def reject(self, record: Record, reason: str) -> None:
        """Take a record that can never be stored; the same one may come again."""

    def wait(self, error: StoreUnavailableError) -> None:
        """Say that a store is away and will be asked again."""


@dataclass(frozen=True)
class Plan:
    """What to do: within a span of time, `labels_of` the source or the target where both have another value."""

    since: datetime | None = None
    until: datetime | None = None
    labels_of: str = "target"
    dry: bool = False

    def of(self, day: date) -> Selection:
        """Return what is meant of a day."""
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        since = begin if self.since is None else max(begin, self.since)
        until = begin + timedelta(days=1) if day < date.max else None
        if self.until is not None:
            until = self.until if until is None else min(until, self.until)
        return Selection(Everything(), since, until, purposes=(), calls=True)

    def everything(self) -> Selection:
        """Return what is meant."""
        return Selection(Everything(), self.since, self.until, purposes=(), calls=True)


class Run:
    """Brings all of a source into a target, which other processes may read and write meanwhile."""

    def __init__(
        self, source: Source, target: Target, plan: Plan, watcher: Watcher, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.report = Report()
        self._source, self._target, self._plan, self._watcher, self._sleep = source, target, plan, watcher, sleep
        self._days: dict[date, Day] = {}
        self._taken: set[bytes] = set()

    def migrate(self) -> Report:
        """Copy, and count on both sides until they agree. Raises StoreError."""
        self._take_tombstones()
        days = self._due(True)
        for _ in range(PASSES):
            self._watcher.expect(sum(each.source for each in days.values()))
            for day in days:
                self._patiently(day)
            days = self._due(self._take_tombstones())
            if not days or self._plan.dry:
                break
        self._conclude(days)
        return self.report

    def _take_tombstones(self) -> bool:
        """Let the target refuse what the source has forgotten; tell whether that changed anything."""
        new = 0
        for some in () if self._plan.dry else self._source.forgotten():
            if hashes := [one for one in some.hashes if one not in self._taken]:
                new += self._target.keep_out(Forgotten(some.key, hashes))
                self._taken.update(hashes)
        self.report.tombstones += new
        return new > 0

    def _due(self, everything: bool) -> dict[date, Day]:
        """Count both sides; return the days whose counts do not add up, or all of them."""
        ours, theirs = _count(self._source, self._plan), _count(self._target, self._plan)
        # What was forgotten may be all that the target has of a day.
        for day in sorted({*ours, *(theirs if self._taken else ()), *self._days}):
            counts = self._days.setdefault(day, Day())
            counts.source, counts.target = ours.get(day, 0), theirs.get(day, 0)
        return {day: self._days[day] for day in sorted(self._days) if everything or self._days[day].missing}

    def _conclude(self, days: Iterable[date]) -> None:
        self.report.days = dict(sorted(self._days.items()))
        self.report.add_up()
        if self._plan.dry:
            return
        for day in days:
            for ours, theirs in self._pairs(day):
                if ours and not theirs and len(self.report.missing) < NAMED and not self._target.covers([ours])[0]:
                    self.report.missing.append(ours["record"]["id"])

    def _patiently(self, day: date) -> None:
        """Compare a day, again from its beginning when a store was away in between."""
        pause, waited = 1.0, 0.0
        while True:
            copied = self.report.copied
            try:
                comparison = _Comparison(self._target, self._plan, self._watcher, self.report, bool(self._taken))
                self._days[day] = comparison.run(self._pairs(day), self._days[day])
            except StoreUnavailableError as error:
                if self.report.copied > copied:
                    pause, waited = 1.0, 0.0
                if waited >= PATIENCE or self._plan.dry:
                    raise
                self._watcher.wait(error)
                self._sleep(pause)
                pause, waited = min(2 * pause, 30.0), waited + pause
            else:
                return

    def _pairs(self, day: date) -> Iterator[Pair]:
        selection = self._plan.of(day)
        return pair(self._source.scan(selection), self._target.scan_heads(selection))


class _Comparison:
    """One day, compared once."""

    def __init__(self, target: Target, plan: Plan, watcher: Watcher, report: Report, keeps_out: bool) -> None:
        self._target, self._plan, self._watcher, self._report = target, plan, watcher, report
        self._keeps_out = keeps_out
        self._extra: list[Record] = []
        self._day = Day()

    def run(self, pairs: Iterator[Pair], counted: Day) -> Day:
        """Compare, copy, label and remove; return what was found, with the counts as they were before."""
        self._day = Day(counted.source, counted.target)
        missing = self._missing(pairs)
        if self._plan.dry:
            self._report.copied += sum(1 for _ in missing)
        else:
            self._copy(missing)
        self._look_at_extra()
        return self._day

    def _missing(self, pairs: Iterator[Pair]) -> Iterator[Record]:
        """Yield the records that the target has not; see to all others."""
        compared = 0
        for ours, theirs in pairs:
            if ours is None:
                self._extra.append(theirs or {})
                if len(self._extra) == _ASKED_TOGETHER:
                    self._look_at_extra()
                continue
            compared += 1
            if compared % 500 == 0:
                self._watcher.step(500, 0)
            if theirs is None:
                yield ours
            else:
                self._relabel(ours, theirs)
        self._watcher.step(compared % 500, 0)

    def _copy(self, records: Iterator[Record]) -> None:
        most = self._target.parallel_puts
        flying: deque[tuple[list[Record], Future[list[PutResult]]]] = deque()
        with ThreadPoolExecutor(most) as pool:
            for batch in together(records):
                flying.append((batch, pool.submit(self._target.put, batch)))
                if len(flying) > most:
                    self._take(*flying.popleft())
            while flying:
                self._take(*flying.popleft())

    def _take(self, batch: list[Record], future: Future[list[PutResult]]) -> None:
        copied = 0
        for record, result in zip(batch, future.result(), strict=True):
            match result.outcome:
                case Outcome.STORED:
                    copied += 1
                case Outcome.DUPLICATE:
                    pass  # somebody else has put it there meanwhile
                case Outcome.FORGOTTEN:
                    self._day.forgotten += 1
                case Outcome.REJECTED:
                    self._day.rejected += 1
                    self._watcher.reject(record, result.reason)
        self._report.copied += copied
        self._watcher.step(0, copied)

    def _relabel(self, ours: Record, theirs: Record) -> None:
        missing, different = label_changes(ours, theirs)
        self._day.label_conflicts += bool(different)
        labels = missing | different if self._plan.labels_of == "source" else missing
        if labels and not self._plan.dry:
            try:
                self._target.annotate(ours["record"]["id"], labels)
            except RecordNotFoundError:
                return  # forgotten in this moment
        self._report.relabelled += bool(labels)

    def _look_at_extra(self) -> None:
        """Remove what only the target has, as far as the source has forgotten it."""
        extra, self._extra = self._extra, []
        gone = []
        if self._keeps_out and extra and not self._plan.dry:
            covered = self._target.covers(extra)
            gone = [record["record"]["id"] for record, is_covered in zip(extra, covered, strict=True) if is_covered]
        if gone:
            self._report.removed += self._target.forget(record_ids=gone)
        self._day.only_target += len(extra) - len(gone)


def _count(reader: Reader, plan: Plan) -> dict[date, int]:
    found = reader.aggregate(plan.everything(), {"days": DateHistogram("@timestamp", 86_400)})["days"]
    return {bucket.key.date(): bucket.count for bucket in found if isinstance(bucket, Bucket)}
