"""A stream of documents with asyncio: one task reads the documents, one sends them, the caller takes the scores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any

import grpc

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.sdk.scores import Score
from scorelens_client.sdk.streaming import Backlog, Pending
from scorelens_client.sdk.tasks import AsyncLine

Metadata = tuple[tuple[str, str], ...]


class AsyncFeed:
    """Reads documents and groups what is there; stops reading while nobody takes answers."""

    def __init__(self, documents: AsyncIterator[Document], backlog: Backlog) -> None:
        self._documents, self._backlog = documents, backlog
        self._changed = asyncio.Condition()

    async def read(self) -> None:
        """Read all documents, as fast as answers are taken."""
        try:
            async for document in self._documents:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._backlog.has_room)
                    self._backlog.add(document)
                    self._changed.notify_all()
        finally:
            async with self._changed:
                self._backlog.ended = True
                self._changed.notify_all()

    async def send(self, call: Any, pending: Pending) -> None:
        """Send what has been read, as soon as there is something, and then that this was all."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._backlog.is_ready)
                batch = self._backlog.batch()
            if not batch:
                await call.done_writing()
                return
            await call.write(pending.send(batch))

    async def taken(self) -> None:
        """Give room for one more document."""
        async with self._changed:
            self._backlog.taken()
            self._changed.notify_all()


async def stream(
    line: AsyncLine,
    documents: AsyncIterator[Document],
    backlog: Backlog,
    pending: Pending,
    metadata: Metadata,
    timeout: float | None,  # noqa: ASYNC109 - gRPC's own
) -> AsyncGenerator[Score, None]:
    """Yield the score of each document, in order. Raises StreamEndedError, and what reading the documents raises."""
    call = line.stub().ScoreStream(timeout=timeout, metadata=metadata)
    feed = AsyncFeed(documents, backlog)
    reading = asyncio.create_task(feed.read())
    sending = asyncio.create_task(_quietly(feed.send(call, pending)))
    try:
        while (answer := await call.read()) is not grpc.aio.EOF:
            for score in pending.scores(answer):
                yield score
                await feed.taken()
        if reading.done():
            reading.result()
        pending.check_all_answered()
    except grpc.RpcError as error:
        line.look_again()
        raise pending.failed(error, f"the scorer at {line.address}") from error
    finally:
        call.cancel()
        for task in (reading, sending):
            task.cancel()
        await asyncio.gather(reading, sending, return_exceptions=True)


async def _quietly(sending: Coroutine[Any, Any, None]) -> None:
    """Send until the call ends; why it ended is told where its answers are read."""
    try:
        await sending
    except (grpc.RpcError, asyncio.InvalidStateError):
        return
