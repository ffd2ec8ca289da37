"""How many documents a call carries, and how many calls are in flight: what gives the best rate.

The rate is measured in rounds of about a second. One round is measured as things are, the next with one of four moves
(twice or half as many documents, more or fewer calls). A move that raises the rate by a tenth stays and is made
again; any other is taken back, and the next one is tried. When none helps, things stay as they are for a while.

A scorer that is busy halves the calls in flight at once, and from then on they grow one by one. A message that is too
large halves the documents of a call for good, and so does a call that takes long.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

FIRST_SIZE, FIRST_PARALLEL = 100, 4
MOST_SIZE, MOST_PARALLEL = 1000, 32
ROUND = 1.0
REST = 20.0
BETTER = 1.1
LONGEST_CALL = 5.0
"""Seconds; documents of calls that take longer come late, and are many to be in doubt."""


@dataclass(frozen=True)
class Setting:
    """Documents in a call, and calls in flight."""

    size: int
    parallel: int


class Pace:
    """Told of every answer, by any thread, says how to go on. Numbers that are given are kept."""

    def __init__(self, size: int | None = None, parallel: int | None = None) -> None:
        self._lock = threading.Lock()
        self._now = Setting(size or FIRST_SIZE, parallel or FIRST_PARALLEL)
        self._most = Setting(size or MOST_SIZE, parallel or MOST_PARALLEL)
        self._moves = [move for move, given in ((_size, size), (_parallel, parallel)) if given is None]
        self._steps = [(move, up) for move in self._moves for up in (True, False)]
        self._place = 0
        self._failed = 0
        self._before: tuple[Setting, float] | None = None
        self._gently = False
        self._busy_until = 0.0
        self._settling = 0
        self._started = 0.0
        self._documents = self._calls = 0
        self._seconds = 0.0

    @property
    def size(self) -> int:
        """Documents in a call."""
        return self._now.size

    @property
    def parallel(self) -> int:
        """Calls in flight."""
        return self._now.parallel

    def answered(self, documents: int, seconds: float, now: float) -> None:
        """Count an answer that came at `now` after so many seconds."""
        with self._lock:
            if self._settling:
                self._settling -= 1
                self._begin(now)
            else:
                self._count(documents, seconds, now)

    def _count(self, documents: int, seconds: float, now: float) -> None:
        self._started = self._started or now - seconds
        self._documents += documents
        self._calls += 1
        self._seconds += seconds
        enough = now - self._started >= (REST if self._resting else ROUND)
        if enough and self._calls >= 2 * self._now.parallel:
            self._end_round(now)

    def busy(self, now: float) -> None:
        """Heed a scorer that has no room; once for all calls that it refuses at a time."""
        with self._lock:
            if now >= self._busy_until:
                self._busy_until, self._gently = now + ROUND, True
                if _parallel in self._moves:
                    self._change(replace(self._now, parallel=max(1, self._now.parallel // 2)), now)

    def too_large(self, documents: int) -> None:
        """Heed that a message of so many documents was too large."""
        with self._lock:
            self._bound(documents)

    def _bound(self, documents: int) -> None:
        size = max(1, min(self._now.size, documents // 2))
        self._most = replace(self._most, size=min(self._most.size, size))
        self._now, self._before = replace(self._now, size=size), None

    def _end_round(self, now: float) -> None:
        rate = self._documents / max(now - self._started, 1e-9)
        slow = self._seconds / self._calls > LONGEST_CALL and self._now.size > 1
        if slow and _size in self._moves:
            self._bound(self._now.size)
        elif self._before is None:
            self._try(rate, now)
        elif rate >= self._before[1] * BETTER:
            self._failed = 0
            self._try(rate, now)
        else:
            self._failed += 1
            self._place += 1
            self._change(self._before[0], now)
            return
        self._begin(now)

    def _try(self, rate: float, now: float) -> None:
        """Make the next move that changes anything; remember where it began and how fast that was."""
        self._before, before = None, self._now
        for _ in self._steps:
            move, up = self._steps[self._place % len(self._steps)]
            after = move(before, self._most, up, self._gently)
            if after != before:
                self._change(after, now)
                self._before = (before, rate)
                return
            self._place += 1

    def _change(self, setting: Setting, now: float) -> None:
        self._settling = self._now.parallel  # the calls in flight belong to the setting before
        self._now, self._before = setting, None
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._started, self._documents, self._calls, self._seconds = now, 0, 0, 0.0

    @property
    def _resting(self) -> bool:
        return self._before is None and self._failed >= max(len(self._steps), 1)


def _size(setting: Setting, most: Setting, up: bool, _: bool) -> Setting:
    return replace(setting, size=min(most.size, setting.size * 2) if up else max(1, setting.size // 2))


def _parallel(setting: Setting, most: Setting, up: bool, gently: bool) -> Setting:
    step = 1 if gently else max(1, setting.parallel // 2)
    parallel = setting.parallel + step if up else setting.parallel - max(1, setting.parallel // 3)
    return replace(setting, parallel=min(most.parallel, max(1, parallel)))
