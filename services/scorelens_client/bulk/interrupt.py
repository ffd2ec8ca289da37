"""Ctrl-C, once and twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from scorelens_client.bulk.flow import Told

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InputEnded(BaseException):
    """The first signal came while the run waited for input."""


class Interrupt:
    """The first signal lets calls in flight end, the second one ends the run where it stands.

    While the run waits for input that may never come, the first one ends the waiting, too.
    """

    def __init__(self, told: Told, console: Console, can_wait: bool) -> None:
        self._told, self._console, self._can_wait = told, console, can_wait
        self._reading = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Heed signals for the time of the block."""
        before = {number: signal.signal(number, self._heed) for number in STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Say that the block reads input."""
        self._reading = self._can_wait
        try:
            yield
        finally:
            self._reading = False

    def _heed(self, _: int, __: FrameType | None) -> None:
        again = self._told.stop.is_set()
        self._told.stop.set()
        if again:
            raise KeyboardInterrupt
        if self._reading:
            self._reading = False
            raise InputEnded
        self._console.print("stopping: the calls in flight end; Ctrl-C again leaves them", style="yellow")
