"""The bytes of a file or of standard input, unpacked where they are gzip, and how many of them were taken."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from scorelens_documents.errors import FileError

GZIP_MAGIC = b"\x1f\x8b"
BUFFER = 2**16
TAKEN = 2**15
"""Bytes that are taken from the file at a time: what is said of its share that was read is as fine as that."""


class Source:
    """Lines of bytes. Errors of the file become FileErrors that name it."""

    def __init__(self, name: str, file: BinaryIO, size: int | None = None) -> None:
        self.name, self.size = name, size
        self._raw = _Counted(file)
        self._lines: io.BufferedReader[Any] = io.BufferedReader(self._raw, TAKEN)
        if self.head()[:2] == GZIP_MAGIC:
            self._lines = io.BufferedReader(gzip.GzipFile(fileobj=self._lines), BUFFER)

    @property
    def read(self) -> int:
        """How many bytes of the file were taken so far, as they lie there."""
        return self._raw.count

    def head(self) -> bytes:
        """Return some bytes of the beginning without taking them."""
        with _translated(self.name):
            return self._lines.peek(64)

    def lines(self, longest: int) -> Iterator[tuple[bytes, bool]]:
        """Yield each line with its end, and whether it is whole; of one that is too long, only the start is kept."""
        with _translated(self.name):
            readline = self._lines.readline
            while line := readline(longest + 1):
                whole = len(line) <= longest or line.endswith(b"\n")
                yield line, whole
                while not whole and line and not line.endswith(b"\n"):
                    line = readline(longest)


@contextmanager
def open_source(path: str) -> Iterator[Source]:
    """Open a file, or standard input for "-". Raises FileError."""
    if path == "-":
        yield Source("standard input", sys.stdin.buffer)
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115
    except IsADirectoryError as error:
        raise FileError(f"{path} is a folder; name one of its files") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    with file:
        status = os.fstat(file.fileno())
        yield Source(path, file, status.st_size if stat.S_ISREG(status.st_mode) else None)


class _Counted(io.RawIOBase):
    def __init__(self, file: BinaryIO) -> None:
        self._read = getattr(file, "read1", file.read)
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._read(len(buffer))
        buffer[: len(content)] = content
        self.count += len(content)
        return len(content)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileError(f"{name} is gzip that is damaged or ends too early: {error}") from error
    except OSError as error:
        raise FileError(f"cannot read {name}: {error.strerror or error}") from error
