"""The writing end of a spool, in the relay's process."""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Sequence
from pathlib import Path

import google_crc32c

from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.recorder import DropReason, Recorder
from scorelens_sidecar.settings import SidecarSettings, fsync_interval
from scorelens_sidecar.spool.counters import APPENDED, SAMPLED_OUT, CounterPage
from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.folders import LOCK, Lock, make_private
from scorelens_sidecar.spool.format import COUNTERS, encode
from scorelens_sidecar.spool.live import LiveSegment
from scorelens_sidecar.spool.quota import Quota
from scorelens_sidecar.spool.recovery import recover
from scorelens_sidecar.spool.syncing import Syncing

_log = logging.getLogger(__name__)

_REOPEN_PAUSE = 1.0
_QUIET = 10.0
_SEGMENTS_OF_QUOTA = 4
"""A live segment cannot be deleted, so it may take only this part of the quota."""


class SpoolWriter(Recorder):
    """Appends records to a folder that it alone writes, and keeps the account. No method raises once it is made.

    Not thread-safe: one event loop calls it. Raises SpoolLockedError when another writer has the folder, SpoolError
    when the folder cannot be used.
    """

    def __init__(self, folder: Path, settings: SidecarSettings) -> None:
        interval = fsync_interval(settings.fsync)
        make_private(folder)
        self._folder = folder
        self._lock = Lock(folder / LOCK, "another relay")
        try:
            self._page = CounterPage(folder)
            counts, self._next_number = recover(folder, self._page.read())
            self._quota = Quota(folder, settings.spool_bytes)
        except OSError as error:
            self._lock.release()
            raise SpoolError(f"cannot read the spool in {folder}: {error.strerror}; name another --folder") from error
        except BaseException:
            self._lock.release()
            raise
        self._counts = list(counts)
        self._seen = sum(counts)
        for counter, value in enumerate(counts):
            self._page.set(counter, value)
        self._segment_bytes = min(settings.segment_bytes, settings.spool_bytes // _SEGMENTS_OF_QUOTA)
        self._syncing = Syncing(folder, self._page.file, interval)
        self._live: LiveSegment | None = None
        self._reopen_at = self._quiet_until = 0.0
        self._last_error = ""
        self._closed = False
        self._open_segment()
        if google_crc32c.implementation != "c":
            _log.warning(
                "checksums are computed in Python, many times slower: google-crc32c lacks its compiled part here"
            )

    @property
    def counts(self) -> dict[str, int]:
        """The account: `seen` and what became of it, by name."""
        return {"seen": self._seen, **dict(zip(COUNTERS, self._counts, strict=True))}

    def append(self, calls: Sequence[CapturedCall]) -> bool:
        """Append records in one write; False when any was dropped (and counted) instead."""
        reason = self._try(calls)
        if reason is None:
            return True
        if len(calls) > 1:
            kept = [self.append([call]) for call in calls]
            return all(kept)
        self.drop(reason)
        return False

    def drop(self, reason: DropReason, calls: int = 1) -> None:
        """Count records that were seen and are not recorded."""
        self._count(_COUNTER_OF[reason], calls)
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            dropped = {name: count for name, count in self.counts.items() if name in _REASONS and count}
            extra = {"reason": reason.value, "dropped_so_far": dropped, "last_error": self._last_error}
            _log.warning("records are dropped", extra=extra)

    def sample_out(self, calls: int = 1) -> None:
        """Count records that sampling left out."""
        self._count(SAMPLED_OUT, calls)

    def reserve(self, size: int) -> bool:
        """Set bytes of the quota aside for a call that must be recorded; False when there is no room.

        Only reservations compete with each other: an append may use what is set aside, because in required mode
        nothing is appended that has not been reserved.
        """
        if not self._quota.fits(self._quota.reserved + size):
            return False
        self._quota.reserved += size
        return True

    def release(self, size: int) -> None:
        """Give back what was set aside."""
        self._quota.reserved = max(0, self._quota.reserved - size)

    def close(self) -> None:
        """Sync as the settings say, close all files and let the folder go; more than once does no harm."""
        if self._closed:
            return
        self._closed, self._live, self._reopen_at = True, None, float("inf")
        self._syncing.close()
        self._page.close()
        self._lock.release()

    def _try(self, calls: Sequence[CapturedCall]) -> DropReason | None:
        live = self._live
        if live is None or live.torn or (live.size >= self._segment_bytes and not live.empty):
            self._open_segment()
            live = self._live
            if live is None:
                return DropReason.DISK
        marker, sequence, index = live.marker, self._seen, self._counts[APPENDED]
        parts: list[bytes] = []
        size = 0
        try:
            for number, call in enumerate(calls):
                record, length = encode(call, sequence + number, index + number, marker)
                parts += record
                size += length
        except (struct.error, TypeError, ValueError, AttributeError) as error:
            self._last_error = f"a record cannot be written: {error}"
            return DropReason.DISK
        if not self._quota.fits(size):
            return DropReason.QUOTA
        return self._write(live, parts, size, len(calls))

    def _write(self, live: LiveSegment, parts: list[bytes], size: int, calls: int) -> DropReason | None:
        before = live.size
        try:
            live.write(parts, size)
            self._syncing.written()
        except OSError as error:
            live.take_back(before)
            self._last_error = str(error.strerror)
            return DropReason.DISK
        self._quota.used += size
        self._count(APPENDED, calls)
        return None

    def _count(self, counter: int, calls: int) -> None:
        if self._closed:
            return
        self._seen += calls
        self._counts[counter] += calls
        self._page.set(counter, self._counts[counter])

    def _open_segment(self) -> None:
        if self._live and self._live.torn:
            self._live = None
        if time.monotonic() < self._reopen_at:
            return
        number, self._next_number = self._next_number, self._next_number + 1
        try:
            live = LiveSegment(self._folder, number, tuple(self._counts))
        except OSError as error:
            self._reopen_at = time.monotonic() + _REOPEN_PAUSE
            self._last_error = f"no new segment: {error.strerror}"
            return
        self._live = live
        self._quota.used += live.size
        self._syncing.begin(live.file)


_REASONS = frozenset(reason.value for reason in DropReason)
_COUNTER_OF = {reason: COUNTERS.index(reason.value) for reason in DropReason}
