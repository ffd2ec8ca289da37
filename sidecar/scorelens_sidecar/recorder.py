"""What the relay needs of the spool."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from scorelens_sidecar.captured import CapturedCall


class DropReason(StrEnum):
    """Why a record that was seen is not in the spool. Names are part of the account's file format."""

    QUOTA = "quota"  # the spool is full
    MEMORY = "memory"  # captures in flight exceed their bound
    DISK = "disk"  # the append failed
    EXPIRED = "expired"  # spooled longer than the longest age, never acknowledged
    DAMAGED = "damaged"  # appended, but the disk gave back something else, or nothing


class Recorder(Protocol):
    """Takes records and keeps the account. Never raises, never waits for more than one local append."""

    def append(self, calls: Sequence[CapturedCall]) -> bool:
        """Append records in one write; False when any was dropped (and counted) instead."""
        ...

    def drop(self, reason: DropReason, calls: int = 1) -> None:
        """Count records that were seen and are not recorded."""
        ...

    def sample_out(self, calls: int = 1) -> None:
        """Count records that sampling left out."""
        ...

    def reserve(self, size: int) -> bool:
        """Set bytes of the quota aside for a call that must be recorded; False when there is no room."""
        ...

    def release(self, size: int) -> None:
        """Give back what was set aside."""
        ...
