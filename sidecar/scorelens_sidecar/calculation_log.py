"""The calculation log: rotating JSON lines beside the spool, written while every store is down.

`calculations.jsonl` is the newest file, `calculations.jsonl.1` the one before. Each batch of lines is appended first,
then the spool's cursor moves, then `calculations.mark` says how much of which file the cursor covers. Whatever crashes
in between, the lines behind the mark tell a restarted writer which records it must not write again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson

from scorelens_sidecar.calculation_lines import LogLine, read_record_id
from scorelens_sidecar.forgetting.tombstones import Tombstones

FILE = "calculations.jsonl"
MARK = "calculations.mark"


class CalculationLog:
    """Appends lines, each record's once. One writer per folder; not thread-safe."""

    def __init__(self, folder: Path, max_bytes: int, max_files: int, *, sync: bool = True) -> None:
        """Open the log and cut a line that a crash left unfinished.

        A file is rotated before it exceeds `max_bytes`; `max_files` rotated ones are kept. With `sync`, lines are on
        disk before `append` returns. Raises OSError.
        """
        self._path, self._mark = folder / FILE, folder / MARK
        self._marked = (0, 0)
        self._max_bytes, self._max_files, self._sync = max_bytes, max_files, sync
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _cut_unfinished_line(self._path)
        self._tombstones = Tombstones(folder)
        self._found = set(self._ids_behind_mark())
        self._unmarked: set[str] = set()

    def append(self, lines: Sequence[LogLine]) -> None:
        """Append the lines whose record is not in the log yet and was not forgotten.

        Raises OSError, after which the same call goes on.
        """
        new = [line for line in lines if line.record_id not in self._found and line.record_id not in self._unmarked]
        with self._tombstones.appending():
            covers = self._tombstones.covers
            kept = [line for line in new if not covers(line.record_id, line.document_id, line.customer_id)]
            for group in self._groups(kept):
                self._write(b"".join([line.data for line in group]))
                self._unmarked.update(line.record_id for line in group)

    def mark(self, *, caught_up: bool = False) -> None:
        """Note that the cursor covers everything that was appended; `caught_up`, that it covers the whole spool.

        Until it has caught up, a restarted writer may have found lines that the cursor does not cover yet, and the mark
        stays before them.
        """
        self._unmarked.clear()
        if caught_up:
            self._found.clear()
        stat = _stat(self._path)
        if stat is not None and not self._found and (stat.st_ino, stat.st_size) != self._marked:
            self._marked = stat.st_ino, stat.st_size
            written = self._mark.with_suffix(".new")
            written.write_bytes(orjson.dumps({"inode": stat.st_ino, "size": stat.st_size}))
            written.replace(self._mark)

    def _groups(self, lines: Sequence[LogLine]) -> Iterator[list[LogLine]]:
        """Rotate before a line that no longer fits; an empty file takes a line of any size."""
        stat = _stat(self._path)
        size = stat.st_size if stat else 0
        group: list[LogLine] = []
        for line in lines:
            if size and size + len(line.data) > self._max_bytes:
                if group:
                    yield group
                self._rotate()
                group, size = [], 0
            group.append(line)
            size += len(line.data)
        if group:
            yield group

    def _write(self, data: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(file).st_size
            try:
                _write_all(file, data)
                if self._sync:
                    os.fsync(file)
            except OSError:
                os.ftruncate(file, before)
                raise
        finally:
            os.close(file)

    def _rotate(self) -> None:
        for number in range(self._max_files, 0, -1):
            older = _rotated(self._path, number)
            newer = _rotated(self._path, number - 1)
            if newer.exists():
                newer.replace(older)

    def _ids_behind_mark(self) -> Iterator[str]:
        inode, size = self._read_mark()
        files = [path for path in log_files(self._path.parent) if path.exists()]
        marked = next((number for number, path in enumerate(files) if path.stat().st_ino == inode), None)
        for number, path in enumerate(files[marked or 0 :]):
            yield from _record_ids(path, size if number == 0 and marked is not None else 0)

    def _read_mark(self) -> tuple[int, int]:
        try:
            mark = orjson.loads(self._mark.read_bytes())
            return int(mark["inode"]), int(mark["size"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0


def log_files(folder: Path) -> list[Path]:
    """List the files of the log in a folder, the oldest first; the newest, being written, is last."""
    rotated = [path for path in folder.glob(f"{FILE}.*") if path.suffix[1:].isdigit()]
    rotated.sort(key=lambda path: -int(path.suffix[1:]))
    return [*rotated, folder / FILE]


def _rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def _record_ids(path: Path, start: int) -> Iterable[str]:
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            record_id = read_record_id(line)
            if record_id is not None:
                yield record_id


def _cut_unfinished_line(path: Path) -> None:
    stat = _stat(path)
    if stat is None:
        return
    with path.open("r+b") as file:
        file.truncate(_end_of_last_line(file.fileno(), stat.st_size))


def _end_of_last_line(file: int, size: int, block: int = 65536) -> int:
    end = size
    while end > 0:
        start = max(0, end - block)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
