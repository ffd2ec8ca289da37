"""Carrying out steps with asyncio: cancelling a task cancels its calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

import grpc

from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_client.sdk.errors import ScorelensError, UnavailableError
from scorelens_client.sdk.places import Places
from scorelens_client.sdk.steps import Call, Pause, Steps
from scorelens_reading.channel import open_async_channel

Item = TypeVar("Item")
Result = TypeVar("Result")


class AsyncLine:
    """The channel to the scorer, opened when it is first needed, and anew where the system has moved."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._channels: list[grpc.aio.Channel] = []
        self._closed = False
        self._current: grpc.aio.Channel | None = None
        self.address = ""

    def stub(self) -> Any:
        """Return what calls the scorer. Raises UnavailableError where nothing runs, ScorelensError once closed."""
        if self._closed:
            raise ScorelensError("the client is closed; make another one")
        if self._current is None:
            self.address = self._places.sidecar()
            self._current = open_async_channel(self.address)
            self._channels.append(self._current)
        return ScorerStub(self._current)

    def look_again(self) -> None:
        """Find out before the next call whether the system has moved; calls in flight keep their channel."""
        if self._current is not None and self._places.target is None:
            system = self._places.home.running()
            if system is None or system.sidecar != self.address:
                self._current = None

    async def close(self) -> None:
        """End all calls and close the channels."""
        self._closed = True
        while self._channels:
            await self._channels.pop().close()


class Threads:
    """Runs what waits for files or sockets in threads, at most so many at once."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Return what the work returns; a cancelled task does not wait for it."""
        async with self._free:
            return await asyncio.to_thread(work, *arguments)


async def run(line: AsyncLine, metadata: tuple[tuple[str, str], ...], steps: Steps[Result]) -> Result:
    """Carry out steps to their end."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await _do(line, metadata, step)
            except (grpc.RpcError, UnavailableError) as error:
                line.look_again()
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: Result = done.value
        return result


async def in_order(one: Callable[[Item], Any], items: Iterable[Item], parallel: int) -> AsyncIterator[Any]:
    """Yield the result of each item's coroutine in order, several at once; cancels those that nobody waits for."""
    waiting: deque[asyncio.Task[Any]] = deque()
    try:
        for item in items:
            waiting.append(asyncio.ensure_future(one(item)))
            if len(waiting) >= parallel:
                yield await waiting[0]
                waiting.popleft()
        while waiting:
            yield await waiting[0]
            waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _do(line: AsyncLine, metadata: tuple[tuple[str, str], ...], step: Call | Pause) -> Any:
    if isinstance(step, Pause):
        await asyncio.sleep(step.seconds)
        return None
    method = getattr(line.stub(), step.method)
    try:
        return await method(step.request, timeout=step.timeout, metadata=metadata)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and not task.cancelling():
            raise ScorelensError("the client was closed while it waited for an answer") from error
        raise
