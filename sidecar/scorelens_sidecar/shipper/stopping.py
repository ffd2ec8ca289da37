"""How the shipper's threads learn that they should end, and how long they may still take."""

from __future__ import annotations

import threading
import time


class Stopped(Exception):  # noqa: N818
    """The shipper is told to end; what is not acknowledged stays in the spool."""


class Stop:
    """Tells threads to end; what is in flight then gets `grace` seconds."""

    def __init__(self, grace: float) -> None:
        self._grace, self._told, self._limit = grace, threading.Event(), float("inf")

    def tell(self) -> None:
        """Tell everybody to end."""
        self._limit = min(self._limit, time.monotonic() + self._grace)
        self._told.set()

    def is_told(self) -> bool:
        """Tell whether to begin nothing new."""
        return self._told.is_set()

    def is_over(self) -> bool:
        """Tell whether what is in flight has had its time."""
        return time.monotonic() >= self._limit

    def sleep(self, seconds: float) -> None:
        """Wait; raises Stopped at once when told to end."""
        if self._told.wait(seconds):
            raise Stopped
