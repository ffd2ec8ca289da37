"""What a store has that a folder has not: found by counting, first days, then hours, then minutes.

Records that come late are found as new ones are, since their own time names the hour that grew. A span of time whose
count is what it was when all of it was exported is not read again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from scorelens_store.contract import Bucket, DateHistogram, Reader, Selection
from scorelens_store.tables.exported import exported_between
from scorelens_store.tables.folder import ExportFolder
from scorelens_store.tables.manifest import Hour, Partition
from scorelens_store.values import from_microseconds, to_microseconds

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Span:
    """From a moment to before another one; `has_known` where the folder has records of it already."""

    since: datetime
    until: datetime
    has_known: bool = False


@dataclass
class Plan:
    """What to read of a day.

    `settled` are the hours of which everything will have been looked at; `seen` counts by hour what was, at first the
    records in minutes that need not be read.
    """

    spans: list[Span] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    seen: Counter[int] = field(default_factory=Counter)

    def add(self, span: Span) -> None:
        """Add a span behind the others, as one with the last where they touch and are of one sort."""
        last = self.spans[-1] if self.spans else None
        if last and last.until == span.since and _may_join(last, span):
            self.spans[-1] = replace(last, until=span.until)
        else:
            self.spans.append(span)


class Changes:
    """Compares a store with a folder, within a selection; all is changed where `thorough`."""

    def __init__(self, reader: Reader, selection: Selection, held: ExportFolder, thorough: bool) -> None:
        self._reader, self._selection, self._held, self._thorough = reader, selection, held, thorough

    def days(self) -> dict[date, int]:
        """Return the days to look at, in order, with the number of records that the store has of each."""
        counts = {moment.date(): count for moment, count in self._count(None, _DAY).items()}
        known = {day for day in self._held.days() if self._clip(_day(day))}
        return {day: counts.get(day, 0) for day in sorted(known | set(counts)) if self._is_new(day, counts.get(day, 0))}

    def plan(self, partition: Partition) -> Plan:
        """Return what to read of a day."""
        found = Plan()
        day = self._clip(_day(partition.day))
        if day is None:
            return found
        if not partition.hours:
            found.add(day)
            found.settled.update(hour for hour in range(24) if self._is_whole(_hour(partition.day, hour)))
            return found
        counts = self._count(day, _HOUR)
        for hour in sorted({*partition.hours, *(moment.hour for moment in counts)}):
            self._plan_hour(found, partition, hour, counts.get(_hour(partition.day, hour).since, 0))
        return found

    def _is_new(self, day: date, count: int) -> bool:
        if self._thorough or not self._is_whole(_day(day)):
            return True
        return self._held.partition(day).seen != count

    def _plan_hour(self, found: Plan, partition: Partition, hour: int, count: int) -> None:
        bounds = _hour(partition.day, hour)
        span, whole, known = self._clip(bounds), self._is_whole(bounds), partition.hours.get(hour, Hour())
        if span is None or (whole and known.seen == count and not self._thorough):
            return
        if whole:
            found.settled.add(hour)
        # Once the store lost records, equal counts of a minute no longer mean equal records.
        if self._thorough or not known.exported or known.seen != known.exported:
            found.add(replace(span, has_known=known.exported > 0))
        else:
            self._plan_minutes(found, partition, span)

    def _plan_minutes(self, found: Plan, partition: Partition, span: Span) -> None:
        bounds = to_microseconds(span.since), to_microseconds(span.until)
        exported = Counter(
            from_microseconds(moment).replace(second=0, microsecond=0)
            for moment in exported_between(self._held, partition, *bounds).values()
        )
        for moment, count in self._count(span, _MINUTE).items():
            bounds_of_minute = Span(moment, moment + _MINUTE)
            minute = self._clip(bounds_of_minute)
            if exported[moment] == count and minute == bounds_of_minute:
                found.seen[moment.hour] += count
            elif minute is not None:
                found.add(replace(minute, has_known=exported[moment] > 0))

    def _count(self, span: Span | None, width: timedelta) -> dict[datetime, int]:
        selection = self._selection if span is None else replace(self._selection, since=span.since, until=span.until)
        histogram = DateHistogram("@timestamp", int(width.total_seconds()))
        buckets = self._reader.aggregate(selection, {"counts": histogram})["counts"]
        return {bucket.key: bucket.count for bucket in buckets if isinstance(bucket, Bucket)}

    def _clip(self, span: Span) -> Span | None:
        since = max(span.since, self._selection.since or span.since)
        until = min(span.until, self._selection.until or span.until)
        return Span(since, until) if since < until else None

    def _is_whole(self, span: Span) -> bool:
        return self._clip(span) == span


def _day(day: date) -> Span:
    start = datetime.combine(day, time(), UTC)
    return Span(start, start + _DAY)


def _hour(day: date, hour: int) -> Span:
    start = datetime.combine(day, time(hour), UTC)
    return Span(start, start + _HOUR)


def _may_join(one: Span, other: Span) -> bool:
    """Keep spans with known records within an hour, since the ids of a span are held in memory."""
    return one.has_known == other.has_known and (not one.has_known or one.since.hour == other.since.hour)
