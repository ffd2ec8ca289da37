"""An export folder: who holds it, where its files are, and how it changes.

FOLDER/{documents,scores,terms}/date=YYYY-MM-DD/part-NNNNN.parquet   the tables
FOLDER/_scorelens/manifest.json                                      what is exported
FOLDER/_scorelens/partitions/YYYY-MM-DD.json                         parts and hours of a day
FOLDER/_scorelens/writing/                                           what is not whole yet
FOLDER/_scorelens/journal.json                                       the change being carried out
FOLDER/_scorelens/lock                                               held (flock) by whoever writes
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from scorelens_store.embedded.files import sync_folder
from scorelens_store.tables import files
from scorelens_store.tables.columns import TABLES
from scorelens_store.tables.errors import ExportError, FolderDamagedError, FolderInUseError, writing
from scorelens_store.tables.journal import Journal
from scorelens_store.tables.manifest import Manifest, Part, Partition
from scorelens_store.tables.parts import PartWriter

META: Final = "_scorelens"
_PAUSE: Final = 0.1


class ExportFolder:
    """The files of one folder. Changing it needs `hold`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._meta = path / META
        self._writing = self._meta / "writing"
        self._journal = Journal(path, self._meta / "journal.json")

    @property
    def manifest_file(self) -> Path:
        """Return where the manifest is."""
        return self._meta / "manifest.json"

    def manifest(self) -> Manifest | None:
        """Return the manifest, None before the first export. Raises FolderDamagedError."""
        try:
            return Manifest.decode(self.manifest_file.read_bytes(), self.manifest_file)
        except FileNotFoundError:
            return None

    def days(self) -> list[date]:
        """Return the days that were ever exported, in order."""
        names = sorted(path.stem for path in (self._meta / "partitions").glob("*.json"))
        return [date.fromisoformat(name) for name in names]

    def partition(self, day: date) -> Partition:
        """Return what is exported of a day. Raises FolderDamagedError."""
        path = self._partition_file(day)
        try:
            return Partition.decode(day, path.read_bytes(), path)
        except FileNotFoundError:
            return Partition(day)

    def paths(self, day: date, name: str) -> tuple[Path, Path, Path]:
        """Return the files of a part, in the order of TABLES."""
        documents, scores, terms = (self.path / table / f"date={day}" / name for table in TABLES)
        return documents, scores, terms

    def save(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        with writing(self.path):
            files.replace(self.manifest_file, manifest.encode())

    @contextmanager
    def new_part(self) -> Iterator[PartWriter]:
        """Begin a part aside; what is not put in its place within is removed at the end."""
        with writing(self.path):
            writer = PartWriter(self._writing)
            try:
                yield writer
            finally:
                writer.close()
                self._clear()

    def put(self, partition: Partition, name: str, writer: PartWriter) -> None:
        """Make a part visible under its name, over one that had it, and keep the partition's counts: all or nothing.

        Terms come first and documents last, so that whatever document is visible has its scores.
        """
        part = partition.parts[name] = writer.finish(name)
        places = zip(TABLES, self.paths(partition.day, part.name), strict=True)
        moves = {self._name(writer.folder / f"{table}.parquet"): self._name(path) for table, path in places}
        self._change(partition, dict(reversed(moves.items())))

    def replace(self, partition: Partition, part: Part, writer: PartWriter) -> None:
        """Put another part in the place of one, or remove it where the other is empty."""
        if writer.is_empty:
            self.remove(partition, part.name)
        else:
            self.put(partition, part.name, writer)

    def remove(self, partition: Partition, name: str) -> None:
        """Remove a part and keep the partition's counts: all or nothing."""
        del partition.parts[name]
        self._change(partition, {}, [self._name(path) for path in self.paths(partition.day, name)])

    def keep(self, partition: Partition) -> None:
        """Keep a partition's counts."""
        self._change(partition, {})

    def recover(self) -> None:
        """Finish the change that a killed process had begun, and remove what it was writing."""
        with writing(self.path):
            self._journal.finish()
            self._clear()

    def is_recovered(self) -> bool:
        """Tell whether no change waits to be finished."""
        return not self._journal.is_pending()

    def check(self) -> None:
        """Raise FolderDamagedError for missing parts and ExportError for files of somebody else, by name."""
        missing, foreign = [], []
        for table in TABLES:
            there = set((self.path / table).glob("date=*/*.parquet"))
            known = {
                self.path / table / f"date={day}" / name for day in self.days() for name in self.partition(day).parts
            }
            missing += sorted(known - there)
            foreign += sorted(there - known)
        if missing:
            raise FolderDamagedError(f"{_listed(missing)} missing: put back, or run the export with --verify")
        if foreign:
            raise ExportError(
                f"{_listed(foreign)} not part of this export and would be counted by its readers: move away"
            )

    def _clear(self) -> None:
        if not self._journal.is_pending():  # or what it is about to move would be lost
            shutil.rmtree(self._writing, ignore_errors=True)

    def _change(self, partition: Partition, moves: Mapping[str, str], removals: Sequence[str] = ()) -> None:
        counts = self._writing / f"{partition.day}.json"
        with writing(self.path):
            files.make_folder(self._writing)
            files.write(counts, partition.encode())
            sync_folder(self._writing)
            moved = {**moves, self._name(counts): self._name(self._partition_file(partition.day))}
            self._journal.change(moved, removals)

    def _partition_file(self, day: date) -> Path:
        return self._meta / "partitions" / f"{day}.json"

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.path))


def make(path: Path) -> None:
    """Make an export folder where there is none. Raises ExportError for a folder with other files."""
    with writing(path):
        if path.exists() and not path.is_dir():
            raise ExportError(f"{path} is not a folder")
        if path.is_dir() and not (path / META).is_dir():
            strange = sorted(each.name for each in path.iterdir())
            if strange:
                raise ExportError(
                    f"{path} has other files in it ({strange[0]}{', …' if len(strange) > 1 else ''}): name a new or an "
                    "empty folder"
                )
        files.make_folder(path / META)


@contextmanager
def hold(path: Path, patience: float = 0.0) -> Iterator[ExportFolder]:
    """Hold a folder for changing it, after what a killed process left undone was done.

    Raises FolderInUseError when another process holds it for longer than `patience` seconds, ExportError where there is
    no export.
    """
    _require(path)
    with writing(path):
        lock = os.open(path / META / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(lock, path, patience)
        folder = ExportFolder(path)
        folder.recover()
        yield folder
    finally:
        os.close(lock)


@contextmanager
def look(path: Path) -> Iterator[ExportFolder]:
    """Open a folder for reading; nobody changes it meanwhile, where it can be held."""
    _require(path)
    folder = ExportFolder(path)
    if os.access(path / META, os.W_OK):
        with hold(path) as held:
            yield held
    elif folder.is_recovered():
        yield folder
    else:
        raise ExportError(f"an export into {path} was killed and its last step is not finished: make {path} writable")


def _require(path: Path) -> None:
    if not (path / META).is_dir():
        raise ExportError(f"{path} is not a folder of `scorelens export`")


def _take(lock: int, path: Path, patience: float) -> None:
    limit = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= limit:
                raise FolderInUseError(
                    f"another process exports into {path} or reads it as a whole: try again when it has finished"
                ) from None
            time.sleep(_PAUSE)
        else:
            return


def _listed(paths: Sequence[Path]) -> str:
    shown = ", ".join(map(str, paths[:3])) + (f" and {len(paths) - 3:,} more" if len(paths) > 3 else "")
    return f"{shown} {'is' if len(paths) == 1 else 'are'}"
