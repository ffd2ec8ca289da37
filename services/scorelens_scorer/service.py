"""The gRPC edge: requests in, answers or statuses out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc import aio

from scorelens.conventions import VIEW_FULL, VIEW_KEY
from scorelens.v1 import scorer_pb2
from scorelens_runtime.serving_aio import Handlers
from scorelens_scorer.checks import RefusedError
from scorelens_scorer.errors import ModelFaultError
from scorelens_scorer.jobs import NEVER, GivenUpError, Job
from scorelens_scorer.measures import Measures
from scorelens_scorer.pool import Pool
from scorelens_scorer.room import FullError, Room
from scorelens_scorer.router import UnknownModelError
from scorelens_scorer.scoring import Scorer
from scorelens_scorer.statuses import DrainingError, abort
from scorelens_scorer.undecodable import Undecodable, decoder

Context = aio.ServicerContext[Any, Any]
Code = grpc.StatusCode

READ_AHEAD: Final = 4
"""Requests of one stream that are taken on before the first of them is answered."""

_DRAIN: Final = "drain"


class Service:
    """The methods of scorelens.v1.Scorer; requests come as messages or as Undecodable.

    Made and used on one event loop; scoring happens in the threads of a pool.
    """

    def __init__(self, scorer: Scorer, room: Room, threads: int, measures: Measures, *, join: bool = True) -> None:
        """Answer with a scorer, in some threads, while there is room."""
        self._scorer, self._room, self._measures = scorer, room, measures
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(threads, self._settle, measures, join=join)
        self._waiting: dict[Job, asyncio.Future[None]] = {}
        self._streams: set[asyncio.Task[None]] = set()  # those that read on
        self._decode = decoder(scorer_pb2.ScoreRequest)

    def handlers(self) -> Handlers:
        """Return the methods. Scores come and leave as bytes: their size has to be known."""
        return {
            "Score": grpc.unary_unary_rpc_method_handler(self.score),
            "ScoreStream": grpc.stream_stream_rpc_method_handler(self.score_stream),
            "GetModel": grpc.unary_unary_rpc_method_handler(
                self.get_model, decoder(scorer_pb2.GetModelRequest), scorer_pb2.Model.SerializeToString
            ),
            "ListModels": grpc.unary_unary_rpc_method_handler(
                self.list_models, decoder(scorer_pb2.ListModelsRequest), scorer_pb2.ListModelsResponse.SerializeToString
            ),
        }

    async def score(self, data: bytes, context: Context) -> bytes:
        """Answer a batch, unless too much waits already."""
        try:
            job = self._plan(data, context)
            self._room.take(len(job.documents), len(data))
        except (RefusedError, FullError) as error:
            if isinstance(error, FullError):
                self._measures.refused()
            await abort(error, context)
        try:
            return await self._answer(job, self._submit(job))
        except (RefusedError, ModelFaultError, GivenUpError) as error:
            await abort(error, context)
        finally:
            self._room.give_back(len(job.documents), len(data))

    async def score_stream(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        """Answer batches as they come, in their order; where too much waits already, the stream waits, too."""
        ahead: asyncio.Queue[_Taken | Exception | None] = asyncio.Queue(READ_AHEAD)
        reading = self._loop.create_task(self._read(requests, context, ahead))
        self._streams.add(reading)
        try:
            while (taken := await ahead.get()) is not None:
                if isinstance(taken, Exception):
                    raise taken
                try:
                    answer = await self._answer(taken.job, taken.future)
                finally:
                    self._room.give_back(len(taken.job.documents), taken.size)
                yield answer
        except (RefusedError, ModelFaultError, GivenUpError, DrainingError) as error:
            await abort(error, context)
        finally:
            self._streams.discard(reading)
            reading.cancel()
            while not ahead.empty():
                self._drop(ahead.get_nowait())

    async def _read(
        self, requests: AsyncIterator[bytes], context: Context, ahead: asyncio.Queue[_Taken | Exception | None]
    ) -> None:
        """Take on what a stream brings, a few requests ahead of the answers; the last entry is None or an error."""
        try:
            async for data in requests:
                job = self._plan(data, context)
                await self._room.wait(len(job.documents), len(data))
                taken = _Taken(job, self._submit(job), len(data))
                try:
                    await ahead.put(taken)
                except asyncio.CancelledError:
                    self._drop(taken)
                    raise
        except asyncio.CancelledError as error:
            if error.args != (_DRAIN,):
                raise
            await ahead.put(DrainingError())
        except Exception as error:
            await ahead.put(error)
        else:
            await ahead.put(None)

    def _drop(self, taken: _Taken | Exception | None) -> None:
        if isinstance(taken, _Taken):
            taken.job.give_up()
            self._room.give_back(len(taken.job.documents), taken.size)

    async def get_model(self, request: Any, context: Context) -> scorer_pb2.Model:
        """Describe a model."""
        await _decoded(request, context)
        if not request.id:
            await context.abort(Code.INVALID_ARGUMENT, "id: is empty; name a model")
        try:
            return self._scorer.router.named(request.id, request.version).description
        except UnknownModelError as error:
            await context.abort(Code.NOT_FOUND, str(error))

    async def list_models(self, request: Any, context: Context) -> scorer_pb2.ListModelsResponse:
        """Describe all models."""
        await _decoded(request, context)
        return scorer_pb2.ListModelsResponse(models=[served.description for served in self._scorer.router.all()])

    def drain(self) -> None:
        """Have open streams end once what was read of them is answered."""
        for reading in self._streams:
            reading.cancel(_DRAIN)
        self._streams.clear()  # a second word would take away what the first one has them say

    def stop(self) -> None:
        """End the threads."""
        self._pool.stop()

    def _plan(self, data: bytes, context: Context) -> Job:
        request = self._decode(data)
        if isinstance(request, Undecodable):
            raise RefusedError(Code.INVALID_ARGUMENT, request.reason)
        remaining = context.time_remaining()
        deadline = NEVER if remaining is None else time.monotonic() + remaining
        return self._scorer.plan(request, full=_wants_full(context), deadline=deadline)

    def _submit(self, job: Job) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[job] = future
        self._pool.submit(job)
        return future

    async def _answer(self, job: Job, future: asyncio.Future[None]) -> bytes:
        try:
            await future
        except asyncio.CancelledError:  # the caller went away, or its time is over
            job.give_up()
            raise
        return job.result()

    def _settle(self, jobs: Sequence[Job]) -> None:
        """Wake those that wait for jobs, from a thread of the pool; once for all of a batch."""
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            self._loop.call_soon_threadsafe(self._wake, jobs)

    def _wake(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            future = self._waiting.pop(job, None)
            if future is not None and not future.done():
                future.set_result(None)


@dataclass(frozen=True)
class _Taken:
    """A request of a stream that is being scored; `size` is in bytes."""

    job: Job
    future: asyncio.Future[None]
    size: int


async def _decoded(request: Any, context: Context) -> None:
    if isinstance(request, Undecodable):
        await context.abort(Code.INVALID_ARGUMENT, request.reason)


def _wants_full(context: Context) -> bool:
    # Some clients and proxies join values of one key by commas.
    metadata = context.invocation_metadata() or ()
    values = (value for key, value in metadata if key == VIEW_KEY and isinstance(value, str))
    return any(part.strip() == VIEW_FULL for value in values for part in value.split(","))
