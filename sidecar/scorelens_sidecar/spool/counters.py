"""The account of a spool: one page of 64-bit counters that survives its process.

The page is mapped into the writer's memory, so a counter that was set is the kernel's at once and kill -9 cannot take
it back. There is no counter for "seen": it is the sum of all others, so that each event changes exactly one aligned
word and no moment exists at which the account does not add up.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.folders import ACCOUNT, open_private
from scorelens_sidecar.spool.format import COUNTERS

Counts = tuple[int, ...]
NOTHING: Counts = (0,) * len(COUNTERS)
APPENDED = COUNTERS.index("appended")
SAMPLED_OUT = COUNTERS.index("sampled_out")

PAGE = 4096
_MAGIC = b"SLACCNT\n"
# The word tells version and byte order at once: counters are in this machine's order, for single-store updates.
_HEAD = struct.Struct("@8sQ")
_VERSION = 1
_FIRST = 8  # the word at which the counters start
_COUNTS = struct.Struct(f"@{len(COUNTERS)}Q")
_TRIES = 100


class CounterPage:
    """The counters of a spool's only writer."""

    def __init__(self, folder: Path) -> None:
        """Map the folder's account, and make it when it is missing or damaged.

        Raises SpoolError when the disk does not let us.
        """
        path = folder / ACCOUNT
        try:
            self.file = open_private(path, os.O_RDWR | os.O_CREAT)
            if read_counts(folder) is None:
                # Written, not merely sized: a hole in a mapped file kills the process when the disk is full.
                os.pwrite(self.file, _HEAD.pack(_MAGIC, _VERSION).ljust(PAGE, b"\0"), 0)
                os.fsync(self.file)
            self._map = mmap.mmap(self.file, PAGE)
        except OSError as error:
            raise SpoolError(f"cannot keep the account {path}: {error.strerror}") from error
        self._words = memoryview(self._map).cast("Q")

    def read(self) -> Counts:
        """Return all counters, in the order of COUNTERS."""
        return tuple(self._words[_FIRST : _FIRST + len(COUNTERS)])

    def set(self, counter: int, value: int) -> None:
        """Set one counter, in one store."""
        self._words[_FIRST + counter] = value

    def close(self) -> None:
        """Unmap the page and close its file."""
        self._words.release()
        self._map.close()
        os.close(self.file)


def read_counts(folder: Path) -> Counts | None:
    """Read the counters of a folder whose writer may be running; None without a readable account.

    Each counter only grows, so counters that were read one after the other are at most too low, never too high.
    """
    try:
        file = open_private(folder / ACCOUNT, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        data = _read_steady(file)
    finally:
        os.close(file)
    if len(data) < PAGE or data[: _HEAD.size] != _HEAD.pack(_MAGIC, _VERSION):
        return None
    return _COUNTS.unpack_from(data, _FIRST * 8)


def largest(rows: Sequence[Counts]) -> Counts:
    """Return the largest of each counter."""
    return tuple(max(column) for column in zip(*rows, strict=True))


def _read_steady(file: int) -> bytes:
    data = os.pread(file, PAGE, 0)
    for _ in range(_TRIES):
        again = os.pread(file, PAGE, 0)
        if again == data:
            break
        data = again
    return data
