"""Counting where calls pass: a lock, a dictionary and an addition, half a microsecond.

The SDK's own instruments take ten to twenty times as long, which a scorer would notice; it reads these when somebody
looks.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from scorelens_runtime.metrics.definitions import Metric

Labels = tuple[str, ...]
"""Values of a metric's labels, in their order."""


@dataclass
class Spread:
    """Observations by size: how many up to each bound and beyond the last, and the sum of all."""

    counts: list[int] = field(default_factory=list)
    sum: float = 0.0


Points = Iterable[tuple[Labels, float]]
Spreads = Iterable[tuple[Labels, Spread]]


class Counts:
    """A counter. For any number of threads."""

    def __init__(self, metric: Metric) -> None:
        self._lock = threading.Lock()
        # A counter without labels exists from the start, so that its first increase is seen as one.
        self._values: dict[Labels, float] = {} if metric.labels else {(): 0.0}

    def add(self, count: float, *labels: str) -> None:
        """Add to the series that has these values of the labels."""
        with self._lock:
            self._values[labels] = self._values.get(labels, 0.0) + count

    def read(self) -> Points:
        """Return all series."""
        with self._lock:
            return list(self._values.items())


class Distribution:
    """A histogram. For any number of threads."""

    def __init__(self, metric: Metric) -> None:
        self._lock = threading.Lock()
        self._bounds = metric.bounds
        self._spreads: dict[Labels, Spread] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Count an observation in the series that has these values of the labels."""
        with self._lock:
            spread = self._spreads.get(labels)
            if spread is None:
                spread = self._spreads[labels] = Spread([0] * (len(self._bounds) + 1))
            spread.counts[bisect_left(self._bounds, value)] += 1
            spread.sum += value

    def read(self) -> Spreads:
        """Return all series."""
        with self._lock:
            return [(labels, Spread(list(each.counts), each.sum)) for labels, each in self._spreads.items()]
