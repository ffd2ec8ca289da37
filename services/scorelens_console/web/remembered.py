"""What is counted for many and asked for often, kept for a few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

MOST: Final = 500

Found = TypeVar("Found")


class Remembered:
    """Keeps answers by key; several who ask for the same one at a time wait for one of them to find it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._finding: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, seconds: float, find: Callable[[], Found]) -> Found:
        """Return what was found at most so many seconds ago, or find it."""
        with self._lock:
            finding = self._finding.setdefault(key, threading.Lock())
        with finding:
            until, found = self._kept.get(key, (0.0, None))
            if until < time.monotonic():
                try:
                    found = find()
                except BaseException:
                    self._forget(key)
                    raise
                self._keep(key, time.monotonic() + seconds, found)
        answer: Found = found
        return answer

    def _keep(self, key: Hashable, until: float, found: Any) -> None:
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = until, found
            while len(self._kept) > MOST:  # the ones that were found longest ago
                oldest = next(iter(self._kept))
                del self._kept[oldest]
                self._finding.pop(oldest, None)

    def _forget(self, key: Hashable) -> None:
        """Keep nothing of what cannot be found: there may be any number of wrong questions."""
        with self._lock:
            self._kept.pop(key, None)
            self._finding.pop(key, None)
