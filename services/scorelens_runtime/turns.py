"""Turns at long work in Python.

Threads of one process do Python's work one at a time. Left to themselves they change places every few milliseconds, and
one that calls a library which lets others in waits as long for its place after each call, however short that was. So
whoever has some milliseconds of work takes a turn for all of it, and none while it waits for a disk or a server.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class Turns:
    """Lets one thread at a time work; those that ask for it go first."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken = False
        self._first = 0

    @contextmanager
    def take(self, *, first: bool = False) -> Iterator[None]:
        """Have a turn for the block, in which nobody may wait for another turn."""
        with self._free:
            self._first += first
            while self._taken or (self._first and not first):
                self._free.wait()
            self._first -= first
            self._taken = True
        try:
            yield
        finally:
            with self._free:
                self._taken = False
                self._free.notify_all()


TURNS: Final = Turns()
"""The turns of this process."""
