"""The account: what became of every span that arrived, kept across restarts.

The counters live in one small file, written anew with each export's outcome before the export is answered:

- A killed process (kill -9) tears nothing, since one write of a few bytes into the page cache happens or does not. An
  export that was stored but neither counted nor answered is counted when it is sent again, as duplicates; one that was
  counted but not answered is counted again when it is sent again. The sum holds either way.
- After a power cut the counters may be some seconds old (as long as the system keeps written pages to itself), so spans
  that arrived in that time are missing from all of them. Two slots are written in turn, each with a checksum, so that
  a torn write costs one export and never the account.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from scorelens_runtime.errors import ScorelensError

_MAGIC: Final = b"SLacct02"
_FIRST_MAGIC: Final = b"SLacct01"  # without the last counter


@dataclass(frozen=True)
class Counts:
    """How many spans came, and what became of them: received is the sum of the next six.

    `expired` counts stored records that retention has removed.
    """

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    forgotten: int = 0
    dead_letters: int = 0
    ignored: int = 0
    refused: int = 0
    unmapped_fields: int = 0
    expired: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


_SLOT: Final = struct.Struct(f"<8sQ{len(fields(Counts))}QI")
_FIRST_SLOT: Final = struct.Struct(f"<8sQ{len(fields(Counts)) - 1}QI")
_SLOT_PLACES: Final = (0, 512)  # sectors of their own


class Account:
    """Counters in a file; safe to use from many threads, and by one process only."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises ScorelensError when it is there but cannot be read."""
        self._lock = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._generation, self._counts = self._load(path)
            self.add(Counts())  # takes the space now, so that a full disk stops the start and nothing later
        except OSError as error:
            raise ScorelensError(f"the account {path} cannot be opened: {error.strerror}") from error

    def add(self, counts: Counts) -> None:
        """Add the outcome of one export."""
        with self._lock:
            self._counts += counts
            self._generation += 1
            os.pwrite(self._file, self._slot(), _SLOT_PLACES[self._generation % 2])

    def counts(self) -> Counts:
        """Return all counters as of one moment."""
        with self._lock:
            return self._counts

    def close(self) -> None:
        """Force the counters to disk and close the file."""
        with self._lock:
            os.fsync(self._file)
            os.close(self._file)

    def _load(self, path: Path) -> tuple[int, Counts]:
        content = os.pread(self._file, _SLOT_PLACES[-1] + _SLOT.size, 0)
        slots = [slot for place in _SLOT_PLACES if (slot := _read_slot(content[place : place + _SLOT.size]))]
        if content and not slots:
            os.close(self._file)
            raise ScorelensError(f"the account {path} is damaged; move it away to start a new one at zero")
        return max(slots, key=lambda slot: slot[0], default=(0, Counts()))

    def _slot(self) -> bytes:
        head = _SLOT.pack(_MAGIC, self._generation, *astuple(self._counts), 0)[:-4]
        return head + struct.pack("<I", zlib.crc32(head))


def _read_slot(content: bytes) -> tuple[int, Counts] | None:
    return _read_as(_SLOT, _MAGIC, content) or _read_as(_FIRST_SLOT, _FIRST_MAGIC, content)


def _read_as(layout: struct.Struct, magic: bytes, content: bytes) -> tuple[int, Counts] | None:
    slot = content[: layout.size]
    if len(slot) < layout.size or zlib.crc32(slot[:-4]) != struct.unpack("<I", slot[-4:])[0]:
        return None
    found, generation, *counts, _ = layout.unpack(slot)
    return (generation, Counts(*counts)) if found == magic else None
