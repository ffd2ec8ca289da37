"""A sidecar at one moment, as its folder and its relay tell it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scorelens_runtime.errors import ScorelensError
from scorelens_sidecar.relay_state import RelayState
from scorelens_sidecar.spool.account import DestinationAccount, read_account
from scorelens_sidecar.spool.folders import relay_folders
from scorelens_sidecar.spool.quota import bytes_on_disk
from scorelens_sidecar.watch.destinations import DestinationState, read_states

FRESH: Final = 1.0
"""Seconds for which a snapshot is not taken anew."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """What was found; `accounts` has one entry per spool folder and destination."""

    accounts: Sequence[DestinationAccount] = ()
    states: Sequence[DestinationState] = ()
    spool_bytes: int = 0
    disk_free: int = 0
    relay: RelayState | None = None
    taken: float = field(default=float("-inf"))  # by the monotonic clock

    def destinations(self) -> Iterable[tuple[str, Sequence[DestinationAccount]]]:
        """Yield each destination with its accounts."""
        for name in dict.fromkeys(account.destination for account in self.accounts):
            yield name, [account for account in self.accounts if account.destination == name]


class Snapshots:
    """Takes snapshots of a sidecar's folder, one for all metrics of a look."""

    def __init__(self, folder: Path, ask: Callable[[], RelayState | None]) -> None:
        """`ask` asks the relay."""
        self._folder, self._ask = folder, ask
        self._lock = threading.Lock()
        self._last = Snapshot()

    def current(self) -> Snapshot:
        """Return one that is at most a second old."""
        with self._lock:
            if time.monotonic() - self._last.taken > FRESH:
                self._last = self._take()
            return self._last

    def _take(self) -> Snapshot:
        folders = relay_folders(self._folder)
        try:
            accounts = [account for folder in folders for account in read_account(folder)]
        except (OSError, ScorelensError) as error:
            _log.warning("the account cannot be read", extra={"error": str(error)})
            accounts = []
        return Snapshot(
            accounts,
            read_states(self._folder),
            sum(map(bytes_on_disk, folders)),
            _free(self._folder),
            self._ask(),
            time.monotonic(),
        )


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
