"""Reading an export folder as records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scorelens_store.contract import Record
from scorelens_store.tables.arrow import rows_in
from scorelens_store.tables.errors import FolderDamagedError
from scorelens_store.tables.folder import look
from scorelens_store.tables.parts import read_part
from scorelens_store.tables.rows import record_of


def read_records(folder: Path | str) -> Iterator[Record]:
    """Yield every record of an export folder, day by day, in constant memory.

    Parts that are missing or damaged are left out, and when everything else was yielded FolderDamagedError names them.
    Raises ExportError where the folder is not an export, FolderInUseError while one is written to it.
    """
    faults = []
    with look(Path(folder)) as held:
        for day in held.days():
            try:
                parts = held.partition(day).parts.values()
            except FolderDamagedError as exc:
                faults.append(str(exc))
                continue
            for part in parts:
                try:
                    for tables in read_part(held.paths(day, part.name), part):
                        yield from map(record_of, rows_in(tables))
                except FolderDamagedError as exc:
                    faults.append(str(exc))
    if faults:
        raise FolderDamagedError("; ".join(faults))
