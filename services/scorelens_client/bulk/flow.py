"""Several calls in flight, their outcomes in the order of the file.

Answers may come in any order: a slow call holds back what is told of later ones, but not that they are sent, up to a
few times as many batches as there are calls in flight.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from scorelens_client.bulk.batches import BATCH_BYTES, Batch, Scored
from scorelens_client.bulk.pace import MOST_PARALLEL, Pace
from scorelens_client.bulk.sending import Sender, StoppedError

Take = Callable[[int], Batch | None]
"""Returns the next batch of at most so many documents, None at the end."""

AHEAD = 4
MOST_HELD = 16 * BATCH_BYTES
"""Most bytes of documents that are in flight or wait for an earlier answer."""

LOOK = 0.5


@dataclass
class Told:
    """Whether to stop: no new calls once `stop` is set; those in flight get `grace` seconds from then on."""

    stop: threading.Event = field(default_factory=threading.Event)
    grace: float = 30.0


class Flow:
    """Sends batches through a pool of threads; to be iterated once, by one thread."""

    def __init__(self, sender: Sender, pace: Pace, told: Told | None = None) -> None:
        self._sender, self._pace, self._told = sender, pace, told or Told()
        self._waiting: deque[tuple[Batch, Future[list[Scored]]]] = deque()
        self._landed = threading.Event()
        self._lock = threading.Lock()
        self._flying = 0
        self._held = 0
        self._until = 0.0
        self.finished = False
        self._ended_by_itself = False

    def run(self, take: Take, before: Callable[[Batch], None] = lambda _: None) -> Iterator[tuple[Batch, list[Scored]]]:
        """Yield each batch with its outcomes, in order; `before` is called with each before it is sent.

        Ends early once told to stop: batches that were not answered within the grace are left out. Raises what the
        sender raised, after the batches before it.
        """
        pool = ThreadPoolExecutor(2 * MOST_PARALLEL, "score")
        try:
            more = True
            while more or self._waiting:
                self._landed.clear()
                while more and self._has_room() and not self._told.stop.is_set():
                    batch = take(self._pace.size)
                    more = batch is not None
                    self._ended_by_itself = not more and not self._told.stop.is_set()
                    if batch is not None:
                        self._send(pool, batch, before)
                try:
                    yield from self._answered()
                except StoppedError:
                    break
                if self._is_over():
                    break
                if self._waiting and not self._waiting[0][1].done():
                    self._landed.wait(LOOK)
            self.finished = self._ended_by_itself and not self._waiting
        finally:
            self._sender.stop()
            pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, pool: ThreadPoolExecutor, batch: Batch, before: Callable[[Batch], None]) -> None:
        before(batch)
        self._held += _bytes(batch)
        if batch.known is not None or not batch.lines:
            future: Future[list[Scored]] = Future()
            future.set_result(list(batch.known or ()))
        else:
            with self._lock:
                self._flying += 1
            future = pool.submit(self._sender.score, batch.lines)
            future.add_done_callback(self._land)
        self._waiting.append((batch, future))

    def _land(self, _: Future[list[Scored]]) -> None:
        with self._lock:
            self._flying -= 1
        self._landed.set()

    def _answered(self) -> Iterator[tuple[Batch, list[Scored]]]:
        while self._waiting and self._waiting[0][1].done():
            batch, future = self._waiting[0]
            outcomes = future.result()
            self._waiting.popleft()
            self._held -= _bytes(batch)
            yield batch, outcomes

    def _has_room(self) -> bool:
        parallel = self._pace.parallel
        return self._flying < parallel and len(self._waiting) < AHEAD * parallel and self._held < MOST_HELD

    def _is_over(self) -> bool:
        """Tell whether the run was told to stop and nothing more is to be waited for."""
        if not self._told.stop.is_set():
            return False
        self._sender.stop()
        self._until = self._until or time.monotonic() + self._told.grace
        return not self._waiting or time.monotonic() > self._until


def _bytes(batch: Batch) -> int:
    return sum(len(line.source) for line in batch.lines)
