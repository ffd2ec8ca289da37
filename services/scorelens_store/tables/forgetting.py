"""Removing records from an export folder for good."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from scorelens_store.tables.arrow import without
from scorelens_store.tables.errors import FolderDamagedError
from scorelens_store.tables.folder import ExportFolder, hold
from scorelens_store.tables.manifest import Part, Partition
from scorelens_store.tables.parts import read_columns, read_part
from scorelens_store.values import from_microseconds

PATIENCE: Final = 60.0
"""How many seconds to wait for an export that is running."""

Named = dict[str, pa.Array]


def forget(
    folder: Path | str,
    *,
    record_ids: Sequence[str] = (),
    document_ids: Sequence[str] = (),
    customer_ids: Sequence[str] = (),
    patience: float = PATIENCE,
) -> int:
    """Remove records from all tables of an export folder; return how many were removed.

    Files that hold any are written anew and replaced at once, day by day. Parts that cannot be read are named by a
    FolderDamagedError when all others are done. Raises ExportError, and FolderInUseError while an export runs for
    longer than `patience` seconds.
    """
    ids = {"record_id": record_ids, "document_id": document_ids, "customer_id": customer_ids}
    # An empty id stands for none: it would take every record without one along.
    named = {name: pa.array([value for value in values if value], pa.string()) for name, values in ids.items()}
    if not any(map(len, named.values())):
        return 0
    removed, faults = 0, []
    with hold(Path(folder), patience) as held:
        for day in held.days():
            partition = held.partition(day)
            for part in list(partition.parts.values()):
                try:
                    removed += _forget_in(held, partition, part, named)
                except FolderDamagedError as exc:
                    faults.append(str(exc))
    if faults:
        raise FolderDamagedError(f"{removed:,} records were removed, but {'; '.join(faults)}")
    return removed


def drop(held: ExportFolder, partition: Partition, record_ids: set[str]) -> int:
    """Remove records of a day, which can be added anew; return how many."""
    named = {"record_id": pa.array(sorted(record_ids), pa.string())}
    return sum(_forget_in(held, partition, part, named) for part in list(partition.parts.values()))


def _forget_in(held: ExportFolder, partition: Partition, part: Part, named: Named) -> int:
    found = _matches(held.paths(partition.day, part.name)[0], named)
    if found:
        with held.new_part() as writer:
            for tables in read_part(held.paths(partition.day, part.name), part):
                writer.write(without(tables, set(found)))
            _uncount(partition, found)
            held.replace(partition, part, writer)
    return len(found)


def _matches(documents: Path, named: Named) -> dict[str, int]:
    """Return the record ids of a file that are meant, with their times."""
    found: dict[str, int] = {}
    for table in read_columns(documents, list({"time", "record_id", *named})):
        meant = [pc.is_in(table.column(name), value_set=values) for name, values in named.items()]
        rows = table.filter(functools.reduce(pc.or_, meant))
        moments = rows.column("time").cast(pa.int64()).to_pylist()
        found.update(zip(rows.column("record_id").to_pylist(), moments, strict=True))
    return found


def _uncount(partition: Partition, found: dict[str, int]) -> None:
    for number, count in Counter(from_microseconds(moment).hour for moment in found.values()).items():
        hour = partition.at(number)
        hour.exported = max(0, hour.exported - count)
        hour.seen = None  # what the store has of it now is not known here
