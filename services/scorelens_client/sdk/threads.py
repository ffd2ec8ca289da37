"""Carrying out steps with threads: calls that can be stopped, several at once, results in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import grpc

from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_client.sdk.errors import ScorelensError, UnavailableError
from scorelens_client.sdk.places import Places
from scorelens_client.sdk.steps import Call, Pause, Steps
from scorelens_reading.channel import open_channel

Item = TypeVar("Item")
Result = TypeVar("Result")


class StoppedError(ScorelensError):
    """Other steps of the same call failed; nobody waits for these."""


class Line:
    """The channel to the scorer, opened when it is first needed, and anew where the system has moved."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._closed = False
        self.address = ""

    def stub(self) -> ScorerStub:
        """Return what calls the scorer. Raises UnavailableError where nothing runs, ScorelensError once closed."""
        with self._lock:
            if self._closed:
                raise ScorelensError("the client is closed; make another one")
            if self._channel is None:
                self.address = self._places.sidecar()
                self._channel = open_channel(self.address)
            return ScorerStub(self._channel)

    def look_again(self) -> None:
        """Find out before the next call whether the system has moved; calls in flight keep their channel."""
        with self._lock:
            if self._channel is not None and self._places.target is None:
                system = self._places.home.running()
                if system is None or system.sidecar != self.address:
                    self._channel = None

    def close(self) -> None:
        """End all calls and close the channel."""
        with self._lock:
            self._closed = True
            if self._channel is not None:
                self._channel.close()


class Calls:
    """The calls of one piece of work, which end together."""

    def __init__(self, line: Line, metadata: tuple[tuple[str, str], ...]) -> None:
        self._line, self._metadata = line, metadata
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._running: set[Any] = set()

    def run(self, steps: Steps[Result]) -> Result:
        """Carry out steps to their end."""
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._do(step)
                except (grpc.RpcError, UnavailableError) as error:
                    self._line.look_again()
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            result: Result = done.value
            return result

    def stop(self) -> None:
        """End calls and pauses; whoever waits for one gets StoppedError."""
        self._stopped.set()
        with self._lock:
            for call in self._running:
                call.cancel()

    def _do(self, step: Call | Pause) -> Any:
        if isinstance(step, Pause):
            if self._stopped.wait(step.seconds):
                raise StoppedError("stopped")
            return None
        method = getattr(self._line.stub(), step.method)
        call = method.future(step.request, timeout=step.timeout, metadata=self._metadata)
        with self._lock:
            self._running.add(call)
        try:
            if self._stopped.is_set():
                raise StoppedError("stopped")
            return call.result()
        except grpc.FutureCancelledError as error:
            raise StoppedError("the client was closed while it waited for an answer") from error
        finally:
            with self._lock:
                self._running.discard(call)
            call.cancel()  # does nothing once it is answered; an interrupted wait ends the call


def in_order(
    calls: Calls, steps_of: Callable[[Item], Steps[Result]], items: Iterable[Item], parallel: int
) -> Iterator[Result]:
    """Yield the result of each item's steps in order, several at once. Raises the first error, and stops the others."""
    if parallel <= 1:
        try:
            yield from (calls.run(steps_of(item)) for item in items)
        finally:
            calls.stop()
        return

    def work(item: Item) -> Result:
        return calls.run(steps_of(item))

    with ThreadPoolExecutor(parallel, "scorelens") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > parallel:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            calls.stop()
            for future in waiting:
                future.cancel()
