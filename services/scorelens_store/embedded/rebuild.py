"""Making a new index in the place of a damaged one. Nothing is deleted: what was there is moved aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from scorelens_store.contract import Outcome, Record
from scorelens_store.embedded.check import check, has_index
from scorelens_store.embedded.files import sync_folder
from scorelens_store.embedded.store import open_writer
from scorelens_store.embedded.tombstones import foreign_files
from scorelens_store.errors import StoreDamagedError

ASIDE: Final = "damaged-"
"""Beginning of the names of the folders that damaged files are moved to."""

_AT_ONCE: Final = 2000


def set_aside(folder: Path, faults: Iterable[str]) -> Path:
    """Move the index of a store aside, and of the files beside it those that are at fault; return where they are.

    The others stay: what was forgotten stays forgotten, and numbers keep their columns.
    """
    aside = folder / f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    aside.mkdir(mode=0o700)
    beside = ("numbers.json", "tombstones", "format", *(path.name for path in foreign_files(folder)))
    named = [name for name in beside if any(f"{folder / name} " in each for each in faults)]
    for name in ("index", *named):
        if (folder / name).exists():
            (folder / name).rename(aside / name)
    sync_folder(folder)
    return aside


def fill(folder: Path, records: Iterable[Record], step: Callable[[int], None]) -> Counter[Outcome]:
    """Put records into a store; those that it has already are left as they are, so that filling can be repeated."""
    outcomes: Counter[Outcome] = Counter()
    store = open_writer(folder)
    try:
        for batch in _batches(iter(records)):
            outcomes.update(result.outcome for result in store.put(batch))
            step(len(batch))
    finally:
        store.close()
    return outcomes


def faults_of(folder: Path, step: Callable[[int], None]) -> list[str]:
    """Return what is wrong with a store: damaged files, or one that does not open although its files are whole."""
    found = check(folder, step) if has_index(folder) else []
    if found or not has_index(folder):
        return found
    try:
        open_writer(folder).close()
    except StoreDamagedError as error:
        return [str(error)]
    return []


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, _AT_ONCE)):
        yield batch
