"""Which records of a span of time a folder has."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from scorelens_store.tables.errors import FolderDamagedError
from scorelens_store.tables.folder import ExportFolder
from scorelens_store.tables.manifest import Part, Partition
from scorelens_store.tables.parts import read_columns, read_part
from scorelens_store.values import from_microseconds


def exported_between(held: ExportFolder, partition: Partition, first: int, end: int) -> dict[str, int]:
    """Return the ids of a day's records from `first` to before `end`, with their times, in microseconds since 1970."""
    found: dict[str, int] = {}
    for table in _tables_between(held, partition, first, end, []):
        moments = table.column("time").cast(pa.int64()).to_pylist()
        found.update(zip(table.column("record_id").to_pylist(), moments, strict=True))
    return found


def labels_between(held: ExportFolder, partition: Partition, first: int, end: int) -> dict[str, dict[str, str]]:
    """Return the labels of a day's records in a span of time, as text, by record id."""
    found: dict[str, dict[str, str]] = {}
    for table in _tables_between(held, partition, first, end, ["labels"]):
        labels = [dict(pairs or ()) for pairs in table.column("labels").to_pylist()]
        found.update(zip(table.column("record_id").to_pylist(), labels, strict=True))
    return found


def _tables_between(
    held: ExportFolder, partition: Partition, first: int, end: int, columns: list[str]
) -> Iterator[pa.Table]:
    for part in partition.parts.values():
        if part.first < end and part.last >= first:
            for table in read_columns(held.paths(partition.day, part.name)[0], ["record_id", "time", *columns]):
                moments = table.column("time").cast(pa.int64())
                yield table.filter(pc.and_(pc.greater_equal(moments, first), pc.less(moments, end)))


def mend(held: ExportFolder, partition: Partition) -> list[str]:
    """Remove parts of a day that are missing or cannot be read, and count the others anew; return what was wrong."""
    faults = {part.name: fault for part in partition.parts.values() if (fault := _fault(held, partition, part))}
    for name in faults:
        held.remove(partition, name)
    if faults:
        partition.hours.clear()
        for moment in exported_between(held, partition, -(2**63), 2**63 - 1).values():
            partition.at(from_microseconds(moment).hour).exported += 1
        held.keep(partition)
    return list(faults.values())


def _fault(held: ExportFolder, partition: Partition, part: Part) -> str:
    try:
        for _ in read_part(held.paths(partition.day, part.name), part):
            pass
    except FolderDamagedError as exc:
        return str(exc)
    return ""
