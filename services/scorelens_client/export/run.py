"""One run of an export: reads what is new and adds it to the folder, day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Protocol

from scorelens_client.export.changes import Changes, Span
from scorelens_store.contract import Reader, Record, Selection
from scorelens_store.query.parse import parse
from scorelens_store.tables import kinds
from scorelens_store.tables.appending import Appender
from scorelens_store.tables.errors import ExportError
from scorelens_store.tables.exported import exported_between, labels_between, mend
from scorelens_store.tables.folder import ExportFolder
from scorelens_store.tables.forgetting import drop
from scorelens_store.tables.manifest import Manifest, Partition, Scope
from scorelens_store.values import from_microseconds, to_microseconds

TOGETHER: Final = 500
CHARACTERS: Final = 4_000_000
"""Records are taken together until there are so many of them, or their texts are so long."""


@dataclass
class Report:
    """What a run did: how many records it added, and of which days.

    Where everything was compared: how many of them only have other labels, how many records only the folder has, and
    what was missing or damaged.
    """

    exported: int = 0
    days: set[date] = field(default_factory=set)
    only_here: int = 0
    relabelled: int = 0
    mended: list[str] = field(default_factory=list)


class Progress(Protocol):
    """Who is told how far a run is."""

    def expect(self, records: int) -> None:
        """Say about how many records will be read."""

    def read(self, is_new: bool) -> None:
        """Say that a record was read."""


def choose_scope(manifest: Manifest | None, query: str, purposes: tuple[str, ...] | None, calls: bool) -> Scope:
    """Return what the folder holds, or will; what is not asked for is as it was. Raises ExportError for a change."""
    held = manifest.scope if manifest else Scope(query, calls=calls)
    wanted = Scope(query or held.query, held.purposes if purposes is None else purposes, calls or held.calls)
    if manifest and wanted != held:
        raise ExportError(
            f"the folder holds {held.describe()}; asked for are {wanted.describe()}: leave the options out, or export "
            "to another folder"
        )
    return wanted


def selection_of(scope: Scope, since: datetime | None, until: datetime | None) -> Selection:
    """Return the selection of a scope within a span of time. Raises QueryError."""
    return Selection(parse(scope.query or "*"), since, until, scope.purposes, scope.calls)


class Run:
    """Adds what the store has and the folder has not.

    Where `verify`, every id and label is compared, and parts that are missing or damaged are exported anew.
    """

    def __init__(
        self, reader: Reader, selection: Selection, held: ExportFolder, progress: Progress, verify: bool = False
    ) -> None:
        self.report = Report()
        self._changes = Changes(reader, selection, held, thorough=verify)
        self._reader, self._selection, self._held, self._progress = reader, selection, held, progress
        self._verify = verify

    def export(self) -> Report:
        """Export every day that has changed. Raises ExportError, StoreError, QueryError."""
        if self._verify:
            self._mend()
        self._held.check()
        days = self._changes.days()
        self._progress.expect(sum(days.values()) - (0 if self._verify else self._known(days)))
        for day in days:
            self._export(self._held.partition(day))
        return self.report

    def _mend(self) -> None:
        for day in self._held.days():
            self.report.mended += mend(self._held, self._held.partition(day))

    def _known(self, days: Mapping[date, int]) -> int:
        return sum(min(count, self._held.partition(day).exported) for day, count in days.items())

    def _export(self, partition: Partition) -> None:
        if self._verify:
            self._drop_relabelled(partition)
        plan = self._changes.plan(partition)
        for hour in plan.settled & set(partition.hours):
            partition.hours[hour].seen = None  # until all of it was looked at
        before = self.report.exported
        with Appender(self._held, partition) as appender:
            for span in plan.spans:
                for records in together(self._new(partition, span, plan.seen)):
                    appender.add(records)
                    self.report.exported += len(records)
            for hour in plan.settled:
                if plan.seen[hour] or hour in partition.hours:
                    partition.at(hour).seen = plan.seen[hour]
            appender.commit()
        if self.report.exported > before:
            self.report.days.add(partition.day)

    def _drop_relabelled(self, partition: Partition) -> None:
        """Remove records whose labels are others in the store by now; the hours that they left are read again."""
        changed: set[str] = set()
        for span in self._changes.plan(partition).spans:
            labels = labels_between(self._held, partition, *_microseconds(span)) if span.has_known else {}
            for record in self._scan(span) if labels else ():
                known = labels.get(record["record"]["id"])
                if known is not None and known != dict(kinds.text_map(record.get("labels")) or ()):
                    changed.add(record["record"]["id"])
        self.report.relabelled += drop(self._held, partition, changed) if changed else 0

    def _scan(self, span: Span) -> Iterator[Record]:
        return self._reader.scan(replace(self._selection, since=span.since, until=span.until))

    def _new(self, partition: Partition, span: Span, seen: Counter[int]) -> Iterator[Record]:
        """Yield the records of a span that the folder has not, and count all of them by hour."""
        known = exported_between(self._held, partition, *_microseconds(span)) if span.has_known else {}
        for record in self._scan(span):
            seen[_hour_of(record)] += 1
            is_known = known.pop(record["record"]["id"], None) is not None
            self._progress.read(not is_known)
            if not is_known:
                yield record
        self.report.only_here += len(known)


def together(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield records in lists of bounded size."""
    some: list[Record] = []
    characters = 0
    for record in records:
        some.append(record)
        document = record.get("document")
        characters += len(document.get("text") or "") if isinstance(document, dict) else 0
        if len(some) == TOGETHER or characters >= CHARACTERS:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _microseconds(span: Span) -> tuple[int, int]:
    return to_microseconds(span.since), to_microseconds(span.until)


def _hour_of(record: Record) -> int:
    moment = kinds.moment(record["@timestamp"])
    return from_microseconds(moment or 0).hour
