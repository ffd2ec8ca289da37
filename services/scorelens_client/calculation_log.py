"""Reading the calculation log: the sidecar's rotating file of one JSON line per scored document."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Self

POLL = 0.2
TAIL = 4 * 2**20


def parts(path: Path) -> list[Path]:
    """Return the rotated parts of a log, the oldest first, without the one being written."""
    numbered = [
        (int(match[1]), one)
        for one in path.parent.glob(path.name + ".*")
        if (match := re.fullmatch(re.escape(path.name) + r"\.(\d+)", one.name))
    ]
    return [one for _, one in sorted(numbered, reverse=True)]


class LogReader:
    """Reads a log once from the start or from near its end, and then goes on with what is written, through rotations.

    The file that is being written is opened first and kept, so that no line is missed or read twice between the two.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()
        self._held = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    @property
    def size(self) -> int:
        """Bytes of the file that is being written."""
        return os.fstat(self._file.fileno()).st_size if self._file else 0

    def there(self) -> Iterator[bytes]:
        """Yield the whole lines that are there now, those of rotated parts first."""
        for part in parts(self._path):
            try:
                with part.open("rb") as file:
                    if self._file is None or not os.path.sameopenfile(file.fileno(), self._file.fileno()):
                        yield from (line for line in file if line.endswith(b"\n"))
            except FileNotFoundError:
                continue
        if self._file:
            yield from self._rest(self._file)

    def latest(self, window: int = TAIL) -> Iterator[bytes]:
        """Yield the whole lines in the last so many bytes of the file that is being written."""
        if self._file:
            self._held = b""
            self._file.seek(max(0, self.size - window))
            if self.size > window:
                self._file.readline()
            yield from self._rest(self._file)

    def lines(self, wait: Callable[[float], object]) -> Iterator[bytes]:
        """Yield whole lines, for ever; `wait` is called with seconds when there is none."""
        while True:
            found = False
            for line in self._new():
                found = True
                yield line
            if not found:
                wait(POLL)

    def _new(self) -> Iterator[bytes]:
        if self._file is None:
            self._file = self._open()
            if self._file is None:
                return
        rotated = self._is_rotated(self._file)
        yield from self._rest(self._file)
        if rotated:
            self._file.close()
            self._file, self._held = None, b""
            yield from self._missed()

    def _missed(self) -> Iterator[bytes]:
        self._file = self._open()
        if self._file:
            yield from self._rest(self._file)

    def _rest(self, file: BufferedReader) -> Iterator[bytes]:
        for line in file:
            self._held += line
            if self._held.endswith(b"\n"):
                yield self._held
                self._held = b""

    def _is_rotated(self, file: BufferedReader) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        here = os.fstat(file.fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) or there.st_size < file.tell()

    def _open(self) -> BufferedReader | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None
