"""Running a gRPC server whose handlers are coroutines: what `serving` has, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any

import grpc
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from scorelens_runtime.serving import INTERNAL_TEXT, Serving

_log = logging.getLogger(__name__)


Handlers = Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]
"""The handlers of a service by the names of its methods."""


class RunningAioServer:
    """A started gRPC server with health and reflection; `stop` drains it."""

    def __init__(self, serving: Serving, make: Callable[[], Mapping[str, Handlers]]) -> None:
        """Serve what `make`, which is called on the event loop, returns: services by name. Raises SettingError."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_unless_nothing)
        self._thread = threading.Thread(target=self._loop.run_forever, name="edge", daemon=True)
        self._thread.start()
        self._drain = serving.drain
        try:
            self._run(self._start(serving, make)).result()
        except BaseException:
            self._end_loop()
            raise

    def stop(self) -> None:
        """Turn unhealthy, refuse new calls, and wait for those in flight as long as the drain time allows."""
        self._run(self._stop()).result()
        self._end_loop()

    async def _start(self, serving: Serving, make: Callable[[], Mapping[str, Handlers]]) -> None:
        self._server = aio.server(options=serving.options())
        services = make()
        for name, handlers in services.items():
            guarded = {method: _guarded(handler, f"/{name}/{method}") for method, handler in handlers.items()}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, guarded),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*services, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        self.address = serving.listen_on(self._server)
        await self._server.start()
        for name in ("", *services):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def _stop(self) -> None:
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._drain)

    def _run(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _unless_nothing(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what a loop could not handle, but for a wake-up that another loop of this process took."""
    if not isinstance(context.get("exception"), BlockingIOError):
        loop.default_exception_handler(context)


def _guarded(handler: grpc.RpcMethodHandler[Any, Any], method: str) -> grpc.RpcMethodHandler[Any, Any]:
    """Turn exceptions that nobody translated into INTERNAL with a fixed text and one log line.

    An interceptor would do the same, and cost every call a tenth of its time.
    """
    for shape in ("unary_unary", "stream_unary", "unary_stream", "stream_stream"):
        function = getattr(handler, shape)
        if function is not None:
            guard = _guard_stream if handler.response_streaming else _guard
            make = getattr(grpc, f"{shape}_rpc_method_handler")
            made: grpc.RpcMethodHandler[Any, Any] = make(
                guard(function, method),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
            return made
    return handler


def _guard(function: Callable[..., Awaitable[Any]], method: str) -> Callable[..., Awaitable[Any]]:
    async def run(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await function(request, context)
        except aio.AbortError:
            raise
        except Exception as error:
            await _internal(error, method, context)

    return run


def _guard_stream(function: Callable[..., AsyncIterator[Any]], method: str) -> Callable[..., AsyncIterator[Any]]:
    async def run(request: Any, context: aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        try:
            async for answer in function(request, context):
                yield answer
        except aio.AbortError:
            raise
        except Exception as error:
            await _internal(error, method, context)

    return run


async def _internal(error: Exception, method: str, context: aio.ServicerContext[Any, Any]) -> None:
    _log.error("unknown exception", exc_info=error, extra={"method": method})
    await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_TEXT)
