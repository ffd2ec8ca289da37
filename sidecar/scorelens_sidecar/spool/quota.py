"""How many bytes the segments of a folder may take."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from scorelens_sidecar.spool.segments import segment_numbers, segment_path

_PAUSE = 0.02


class Quota:
    """Counts what is written, and looks at the disk again when that seems too much, because another process deletes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.limit = limit
        self.used = bytes_on_disk(folder)
        self.reserved = 0
        self._folder = folder
        self._look_again = 0.0

    def fits(self, size: int) -> bool:
        """Tell whether so many more bytes may be written."""
        return self.used + size <= self.limit or self._measured() + size <= self.limit

    def _measured(self) -> int:
        now = time.monotonic()
        if now >= self._look_again:
            self._look_again = now + _PAUSE
            self.used = bytes_on_disk(self._folder)
        return self.used


def bytes_on_disk(folder: Path) -> int:
    """Sum the sizes of a folder's segments."""
    total = 0
    for number in segment_numbers(folder):
        with contextlib.suppress(FileNotFoundError):
            total += segment_path(folder, number).stat().st_size
    return total
