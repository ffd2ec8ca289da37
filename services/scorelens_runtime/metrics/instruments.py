"""The metrics of one process, each with where its values are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scorelens_runtime.metrics.counting import Counts, Distribution, Points, Spreads
from scorelens_runtime.metrics.definitions import Metric


class Instruments:
    """What is measured. Values are read when somebody looks, and not before."""

    def __init__(self) -> None:
        self._points: dict[Metric, Callable[[], Points]] = {}
        self._spreads: dict[Metric, Callable[[], Spreads]] = {}
        self._followers: list[Callable[[Metric], None]] = []

    @property
    def points(self) -> Mapping[Metric, Callable[[], Points]]:
        """Counters and gauges."""
        return self._points

    @property
    def spreads(self) -> Mapping[Metric, Callable[[], Spreads]]:
        """Histograms."""
        return self._spreads

    def counter(self, metric: Metric) -> Counts:
        """Make a counter."""
        counts = Counts(metric)
        self.read(metric, counts.read)
        return counts

    def histogram(self, metric: Metric) -> Distribution:
        """Make a histogram."""
        distribution = Distribution(metric)
        self.read_spreads(metric, distribution.read)
        return distribution

    def read(self, metric: Metric, points: Callable[[], Points]) -> None:
        """Have a counter or gauge read by a function, which may be called from any thread."""
        is_new = metric not in self._points
        self._points[metric] = points
        for follower in self._followers if is_new else ():
            follower(metric)

    def read_spreads(self, metric: Metric, spreads: Callable[[], Spreads]) -> None:
        """Have a histogram read by a function, which may be called from any thread."""
        self._spreads[metric] = spreads

    def follow(self, follower: Callable[[Metric], None]) -> None:
        """Have a function called with each counter and gauge, those that come later as well."""
        self._followers.append(follower)
        for metric in list(self._points):
            follower(metric)
