"""A stream of documents with asyncio: a task reads the documents, the caller takes the scores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

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

    async def batch(self) -> list[Document]:
        """Return what has been read, as soon as there is something; nothing at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._backlog.is_ready)
            return self._backlog.batch()

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
    try:
        # One message at a time: where the server refuses one while the next is being written, gRPC for asyncio reports
        # the failed write and loses the reason.
        while batch := await feed.batch():
            await call.write(pending.send(batch))
            answer = await call.read()
            if answer is grpc.aio.EOF:
                break
            for score in pending.scores(answer):
                yield score
                await feed.taken()
        if reading.done():
            reading.result()
        await call.done_writing()
        pending.check_all_answered()
    except grpc.RpcError as error:
        line.look_again()
        raise pending.failed(error, f"the scorer at {line.address}") from error
    finally:
        call.cancel()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
