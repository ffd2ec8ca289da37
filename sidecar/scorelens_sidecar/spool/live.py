"""The segment that is being written."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from scorelens_sidecar.spool.counters import Counts
from scorelens_sidecar.spool.folders import open_private
from scorelens_sidecar.spool.format import SEGMENT_HEADER_SIZE, SegmentHeader
from scorelens_sidecar.spool.segments import segment_path

_MOST_PARTS = 1024
"""Linux and macOS take this many buffers in one writev."""


class LiveSegment:
    """A new segment, begun with the account of the moment; raises OSError when it cannot be made.

    `size` counts the bytes of its file; `torn` is set when bytes behind `size` could not be taken back, after which
    nothing may be appended any more.
    """

    def __init__(self, folder: Path, number: int, counts: Counts) -> None:
        self.marker = _new_marker()
        self.size = 0
        self.torn = False
        path = segment_path(folder, number)
        self.file = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        try:
            header = SegmentHeader(number, self.marker, time.time_ns(), counts).pack()
            self.write([header], len(header))
        except OSError:
            os.close(self.file)
            path.unlink()
            raise

    @property
    def empty(self) -> bool:
        """Whether no record was appended yet."""
        return self.size <= SEGMENT_HEADER_SIZE

    def write(self, parts: Sequence[bytes], size: int) -> None:
        """Append all parts, `size` bytes in sum, or nothing; raises OSError for nothing."""
        try:
            written = os.writev(self.file, parts if len(parts) <= _MOST_PARTS else [b"".join(parts)])
            if written < size:
                self._write_rest(b"".join(parts), written)
        except OSError:
            self.take_back(self.size)
            raise
        self.size += size

    def take_back(self, size: int) -> None:
        """Cut the file to what it was."""
        self.size = size
        try:
            os.ftruncate(self.file, size)
        except OSError:
            self.torn = True

    def _write_rest(self, data: bytes, written: int) -> None:
        # A short write has its reason, such as a full disk; asking once more turns it into an error or completes it.
        while written < len(data):
            written += os.write(self.file, memoryview(data)[written:])


def _new_marker() -> bytes:
    """Return four random bytes, none zero, so that a hole in a file never looks like a record."""
    return bytes(secrets.choice(range(1, 256)) for _ in range(4))
