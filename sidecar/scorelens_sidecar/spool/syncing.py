"""Forcing segments and the account to the disk itself, for the sake of power cuts; kill -9 needs none of it."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class Syncing:
    """Owns the files of segments once they are begun, and closes those that are no longer written.

    `interval` is in seconds: None never syncs, 0 syncs in `written`, anything else in a thread of its own.
    """

    def __init__(self, folder: Path, account: int, interval: float | None) -> None:
        self._folder, self._account, self._interval = folder, account, interval
        self._live = -1
        self._left: deque[int] = deque()
        self._dirty = self._begun = False
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        if interval:
            self._thread = threading.Thread(target=self._run, args=(interval,), name="spool-sync", daemon=True)
            self._thread.start()

    def begin(self, file: int) -> None:
        """Take a new segment's file; the one before it is synced and closed."""
        before, self._live, self._begun = self._live, file, True
        if before >= 0:
            self._left.append(before)
        if not self._thread:
            self._round()

    def written(self) -> None:
        """Note an append; with `always`, returns when it is on disk and raises OSError when the disk refuses."""
        self._dirty = True
        if self._interval == 0:
            _sync(self._live)
            self._dirty = False

    def close(self) -> None:
        """Sync what is left and close all files."""
        self._end.set()
        if self._thread:
            self._thread.join()
        self._round()
        if self._live >= 0:
            os.close(self._live)
            self._live = -1

    def _run(self, interval: float) -> None:
        while not self._end.wait(interval):
            self._round()

    def _round(self) -> None:
        try:
            self._round_or_raise()
        except OSError as error:
            _log.error("the disk did not take the spool", extra={"folder": str(self._folder), "error": error.strerror})

    def _round_or_raise(self) -> None:
        wanted = self._interval is not None
        while self._left:
            file = self._left.popleft()
            try:
                if wanted:
                    _sync(file)
            finally:
                os.close(file)
        if wanted and self._begun:
            self._begun = False
            _sync_folder(self._folder)
        if wanted and self._dirty:
            self._dirty = False
            _sync(self._live)
            _sync(self._account)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
