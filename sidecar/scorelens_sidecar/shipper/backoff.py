"""How long to wait before trying again."""

from __future__ import annotations

import random

FIRST, LONGEST = 0.2, 5.0
"""Seconds; short enough to notice soon that a receiver is back, long enough to be no load for a busy one."""


class Backoff:
    """Doubles from try to try, with jitter so that many shippers do not come back at once."""

    def __init__(self) -> None:
        self._tries = 0

    def next(self) -> float:
        """Return the seconds to wait now."""
        ceiling: float = min(LONGEST, FIRST * 2 ** min(self._tries, 16))
        self._tries += 1
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311

    def reset(self) -> None:
        """Start anew after a success."""
        self._tries = 0
