"""The pace, against scorers of which the best setting is known."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import pytest

from scorelens_client.bulk.pace import MOST_SIZE, Pace


@dataclass
class Simulated:
    """A scorer with some workers, each of which needs a time per call and per document; busy beyond its queue."""

    workers: int
    per_call: float
    per_document: float
    latency: float = 0.0
    queue: int = 10_000

    def seconds(self, documents: int) -> float:
        """Return how long a worker is busy with a call."""
        return self.per_call + self.per_document * documents

    def rate(self, size: int, parallel: int) -> float:
        """Return the documents per second that a setting reaches in the long run."""
        busy = self.seconds(size)
        return size * min(self.workers / busy, parallel / (busy + self.latency))

    def drive(self, pace: Pace, seconds: float) -> None:
        """Let a pace send for a while: an event per answer, workers taken first come, first served."""
        now, free = 0.0, [0.0] * self.workers
        flying: list[tuple[float, float, int]] = []
        while now < seconds:
            while len(flying) < pace.parallel:
                if len(flying) >= self.workers + self.queue:
                    pace.busy(now)
                    break
                start = max(now, heapq.heappop(free))
                end = start + self.seconds(pace.size)
                heapq.heappush(free, end)
                heapq.heappush(flying, (end + self.latency, now, pace.size))
            now, sent, size = heapq.heappop(flying)
            pace.answered(size, now - sent, now)


@pytest.mark.parametrize(
    "scorer",
    [
        Simulated(1, 0.002, 0.0005),
        Simulated(2, 0.02, 0.0004),
        Simulated(16, 0.005, 0.0005, latency=0.1),
        Simulated(8, 0.0, 0.02),
        Simulated(1, 0.5, 0.00001),
    ],
    ids=["small", "costly calls", "far away", "slow model", "costly start"],
)
def test_the_pace_comes_near_the_best_rate(scorer: Simulated) -> None:
    """Whatever a scorer is like, the pace finds most of what any setting could reach."""
    pace = Pace()
    scorer.drive(pace, 60)
    sizes = [2**power for power in range(10)] + [MOST_SIZE]
    best = max(scorer.rate(size, parallel) for size in sizes for parallel in range(1, 33))
    assert scorer.rate(pace.size, pace.parallel) > 0.8 * best


def test_a_busy_scorer_is_given_less_at_once() -> None:
    """Calls in flight are halved when there is no room, once for all calls refused at a time."""
    pace = Pace(parallel=None)
    for number in range(10):
        pace.busy(5.0 + number / 100)
    assert (pace.parallel, pace.size) == (2, 100)
    pace.busy(7.0)
    pace.busy(9.0)
    assert pace.parallel == 1


def test_a_queue_that_fills_up_is_not_fought() -> None:
    """With a scorer that takes few calls at a time, the pace stays near what it takes."""
    scorer = Simulated(2, 0.005, 0.0005, queue=2)
    pace = Pace()
    scorer.drive(pace, 60)
    assert pace.parallel <= 6
    assert scorer.rate(pace.size, pace.parallel) > 0.8 * max(scorer.rate(size, 4) for size in (100, 500, 1000))


def test_calls_that_take_long_carry_less() -> None:
    """A model that needs a quarter of a second per document is not given a hundred in a call."""
    pace = Pace()
    Simulated(4, 0.0, 0.25).drive(pace, 300)
    assert pace.size <= 20


def test_a_message_that_was_too_large_is_not_tried_again() -> None:
    """What a server cannot take bounds the documents of a call for good."""
    pace = Pace()
    pace.too_large(100)
    Simulated(1, 0.5, 0.0).drive(pace, 60)
    assert pace.size == 50


def test_given_numbers_are_kept() -> None:
    """Whoever names a batch and a number of calls gets them, whatever happens."""
    pace = Pace(37, 3)
    pace.busy(1.0)
    Simulated(8, 0.1, 0.001).drive(pace, 30)
    assert (pace.size, pace.parallel) == (37, 3)
