"""A recorder that keeps its records in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.recorder import DropReason, Recorder


class MemoryRecorder(Recorder):
    """Keeps records and counts; has room for `room` reserved bytes, and refuses appends while `broken`."""

    def __init__(self, room: int = 2**40) -> None:
        self.records: list[CapturedCall] = []
        self.appends = 0
        self.dropped: Counter[DropReason] = Counter()
        self.sampled_out = 0
        self.reserved = 0
        self.room = room
        self.broken = False

    def append(self, calls: Sequence[CapturedCall]) -> bool:
        """Keep records."""
        self.appends += 1
        if self.broken:
            self.drop(DropReason.DISK, len(calls))
            return False
        self.records += calls
        return True

    def drop(self, reason: DropReason, calls: int = 1) -> None:
        """Count."""
        self.dropped[reason] += calls

    def sample_out(self, calls: int = 1) -> None:
        """Count."""
        self.sampled_out += calls

    def reserve(self, size: int) -> bool:
        """Set aside while there is room."""
        if self.reserved + size > self.room:
            return False
        self.reserved += size
        return True

    def release(self, size: int) -> None:
        """Give back."""
        self.reserved -= size
        assert self.reserved >= 0
