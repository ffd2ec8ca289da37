"""Removing the oldest records, a day at a time: those older than `--keep`, and more while the store is too large.

Each day is one change among the writer's, so that records wait for no more than one day's removal. An embedded store
takes removed records out of its files only where they are a good part of a file, or the same live ones would be
written again every day.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from scorelens_indexer.account import Account, Counts
from scorelens_indexer.writer import Writer
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Selection, Sort, Store
from scorelens_store.query.tree import Everything

_log = logging.getLogger(__name__)

EVERY: Final = 600.0
"""Seconds between two looks."""
REMOVED_SHARE: Final = 0.25
"""How much of a file has to be removed records before the others in it are written anew."""
ROOM: Final = 0.9
"""Share of the most bytes that is left once they are exceeded, so that not every look removes something."""

_EVERYTHING: Final = Selection(Everything(), purposes=(), calls=True)


class Retention:
    """Keeps a store within an age in seconds and a size in bytes; 0 is no bound."""

    def __init__(self, store: Store, writer: Writer, account: Account, keep: float, keep_bytes: int) -> None:
        self._store, self._writer, self._account = store, writer, account
        self._keep, self._keep_bytes = keep, keep_bytes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="retention", daemon=True)

    def start(self) -> None:
        """Look now, and regularly from now on."""
        if self._keep or self._keep_bytes:
            self._thread.start()

    def close(self) -> None:
        """End after the day that is being removed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def run(self, now: datetime) -> int:
        """Remove what is to go; return how many records went. Raises what the store raises."""
        gone = self._by_age(now) if self._keep else 0
        if gone:
            self._take_out_of_files(REMOVED_SHARE)
        return gone + (self._by_size() if self._keep_bytes else 0)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._try(datetime.now(UTC))
            self._stop.wait(EVERY)

    def _try(self, now: datetime) -> None:
        started = time.monotonic()
        try:
            gone = self.run(now)
        except ScorelensError as error:
            _log.warning("retention could not remove what is old; it tries again", extra={"error": str(error)})
        except Exception:
            _log.exception("retention failed; it tries again")
        else:
            if gone:
                _log.info("removed old records", extra={"records": gone, "seconds": time.monotonic() - started})

    def _by_age(self, now: datetime) -> int:
        before = cutoff(now, self._keep)
        return self._remove_days(lambda oldest, _: oldest < before)

    def _by_size(self) -> int:
        size = self._store.bytes_on_disk()
        if size <= self._keep_bytes:
            return 0
        records = self._store.count(_EVERYTHING)
        # Bytes go with their records, whatever files still hold of them until the end.
        too_many = records - int(records * ROOM * self._keep_bytes / size)
        gone = self._remove_days(lambda _, removed: removed < too_many)
        # Removed records that are left in files may be all that is too large.
        self._take_out_of_files(0.0 if self._store.bytes_on_disk() > self._keep_bytes else REMOVED_SHARE)
        return gone

    def _remove_days(self, wanted: Callable[[datetime, int], bool]) -> int:
        """Remove the oldest day as long as that is wanted, by its first moment and by what was removed so far."""
        gone = 0
        while not self._stop.is_set() and (oldest := self._oldest()) is not None and wanted(oldest, gone):
            before = day_after(oldest)
            removed: int = self._writer.change(lambda store, before=before: store.expire(before))  # type: ignore[misc]
            if not removed:
                break
            gone += removed
            self._account.add(Counts(expired=removed))
        return gone

    def _oldest(self) -> datetime | None:
        hits = self._store.search(_EVERYTHING, limit=1, sort=Sort("@timestamp", descending=False)).hits
        return datetime.fromisoformat(hits[0].record["@timestamp"]) if hits else None

    def _take_out_of_files(self, share: float) -> None:
        for _ in self._store.purge(share):
            if self._stop.is_set():
                return


def cutoff(now: datetime, keep: float) -> datetime:
    """Return the beginning of the first day that is kept, UTC, so that whole days go."""
    return (now - timedelta(seconds=keep)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_after(moment: datetime) -> datetime:
    """Return the beginning of the next day, UTC."""
    return cutoff(moment, 0) + timedelta(days=1)
