"""Memory that the allocator keeps after large calls, given back to the system."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Final

EVERY: Final = 10.0
"""Seconds between two times: what is given back and needed again costs a little each time."""


def _find_trim() -> Callable[[int], object]:
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # not glibc
        return lambda keep: None
    return trim


trim = _find_trim()
"""Gives the system all that is free; glibc itself only does so from the top of its heaps."""


class Memory:
    """Gives memory back now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + EVERY

    def keep_small(self) -> None:
        """Give back what is free, if the last time is long enough ago."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            trim(0)
