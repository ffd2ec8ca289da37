"""What may be in work at once, so that memory stays bounded however much arrives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from scorelens_indexer.errors import OverloadedError

_RETRY_SECONDS: Final = 0.5


class Budget:
    """Counts exports and bytes from their arrival to their answer. One export always fits, whatever its size."""

    def __init__(self, max_bytes: int, max_exports: int) -> None:
        self.most_bytes, self._max_exports = max_bytes, max_exports
        self.bytes = self.exports = 0
        self._lock = threading.Lock()

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """Hold room for an export of so many bytes. Raises OverloadedError at once when there is none."""
        with self._lock:
            if self.exports and (self.exports >= self._max_exports or self.bytes + size > self.most_bytes):
                raise OverloadedError("too much is waiting for the store; try again later", _RETRY_SECONDS)
            self.exports += 1
            self.bytes += size
        try:
            yield
        finally:
            with self._lock:
                self.exports -= 1
                self.bytes -= size
