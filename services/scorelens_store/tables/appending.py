"""Adding records to a day of an export folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final

from scorelens_store.contract import Record
from scorelens_store.tables.arrow import tables_of
from scorelens_store.tables.folder import ExportFolder
from scorelens_store.tables.manifest import Partition
from scorelens_store.tables.parts import PartWriter, read_part
from scorelens_store.tables.rows import rows_of
from scorelens_store.values import from_microseconds

SMALL_BYTES: Final = 16 * 2**20
"""A day's last part is written anew with what comes next until it has so many bytes: small parts never pile up."""

LARGE_BYTES: Final = 128 * 2**20
"""A part that has so many bytes is closed, and another one begins."""


class Appender:
    """Adds records to a day. They become visible, and are counted, whenever a part is large enough and at `commit`."""

    def __init__(self, held: ExportFolder, partition: Partition) -> None:
        """Take the folder, held, and its partition, whose counts change as records become visible."""
        self._held, self._partition = held, partition
        self._name = ""
        self._writer: PartWriter | None = None
        self._hours: Counter[int] = Counter()
        self._stack = ExitStack()

    def add(self, records: Sequence[Record]) -> None:
        """Add records of the day that are not in it yet. Raises ExportError, FolderDamagedError."""
        if not records:
            return
        writer = self._writer or self._begin()
        rows = [rows_of(record) for record in records]
        writer.write(tables_of(rows))
        self._hours.update(from_microseconds(row.document["time"]).hour for row in rows)
        if writer.bytes >= LARGE_BYTES:
            self.commit()

    def commit(self) -> None:
        """Make what was added visible, and keep the partition's counts."""
        if self._writer is None:
            self._held.keep(self._partition)
            return
        for number, count in self._hours.items():
            self._partition.at(number).exported += count
        self._held.put(self._partition, self._name, self._writer)
        self._end()

    def _begin(self) -> PartWriter:
        writer = self._writer = self._stack.enter_context(self._held.new_part())
        parts = sorted(self._partition.parts.values(), key=lambda part: part.name)
        if parts and parts[-1].bytes < SMALL_BYTES:
            self._name = parts[-1].name
            for tables in read_part(self._held.paths(self._partition.day, self._name), parts[-1]):
                writer.write(tables)
        else:
            self._name = self._partition.next_name()
        return writer

    def _end(self) -> None:
        self._writer = None
        self._hours.clear()
        self._stack.close()

    def __enter__(self) -> Appender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Drop what was added since the last commit."""
        self._stack.__exit__(kind, error, where)
