"""Running a gRPC server whose handlers are coroutines: what `serving` has, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, Final

import grpc
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from scorelens.conventions import DRAINING_KEY
from scorelens_runtime.serving import INTERNAL_TEXT, Serving
from scorelens_runtime.trace import trace_fields

_log = logging.getLogger(__name__)
Context = aio.ServicerContext[Any, Any]


Handlers = Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]
"""The handlers of a service by the names of its methods."""


OnCall = Callable[[str, str, float], None]
"""Hears of a call that has ended: its method, its status by name, and the seconds it took."""

DRAINING_TEXT: Final = "the server is shutting down; connect again"
DRAINING: Final = ((DRAINING_KEY, "1"),)
"""Among the headers or trailers of an answer it has a sidecar send its callers away."""
_OK: Final = grpc.StatusCode.OK.name
_STEP: Final = 0.005
_ANSWERING: Final = (0.5, 1.0)
"""Seconds without a new call after which callers have gone elsewhere, and for which they are answered at most."""
_REFUSING: Final = ((0.1, 1.0), (0.02, 2.0))
"""The same while they are refused: where callers go on and on, the end comes in a pause between their calls."""


class RunningAioServer:
    """A started gRPC server with health and reflection; `stop` drains it."""

    def __init__(
        self,
        serving: Serving,
        make: Callable[[], Mapping[str, Handlers]],
        on_drain: Callable[[], None] = lambda: None,
        on_call: OnCall = lambda method, status, seconds: None,
    ) -> None:
        """Serve what `make` returns, services by name. Raises SettingError.

        `make` is called on the event loop, as are `on_call` when a call has ended, and `on_drain`: when the server
        begins to drain, when it begins to refuse calls, and before it stops.
        """
        self._calls, self._on_drain = _Calls(on_call), on_drain
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
        """Turn unhealthy, have callers go elsewhere, and wait for calls in flight at most for the drain time."""
        self._run(self._stop()).result()
        self._end_loop()

    async def _start(self, serving: Serving, make: Callable[[], Mapping[str, Handlers]]) -> None:
        self._server = aio.server(options=serving.options())
        services = make()
        for name, handlers in services.items():
            guarded = {method: self._calls.guarded(handler, f"{name}/{method}") for method, handler in handlers.items()}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, guarded),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*services, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        self.address = serving.listen_on(self._server)
        await self._server.start()
        for name in ("", *services):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def _stop(self) -> None:
        # Once gRPC shuts down, it ends calls that it has not handed over yet as CANCELLED, which nobody tries again.
        # Hence callers have to leave first. A sidecar sends them away at the first answer that says so; those who have
        # none learn it from calls that are refused as UNAVAILABLE.
        limit = time.monotonic() + self._drain
        await self._health.enter_graceful_shutdown()
        self._calls.draining = True
        self._on_drain()
        if not await self._calls.until_quiet(*_ANSWERING, limit):
            await self._refuse(limit)
        self._on_drain()
        await self._server.stop(max(0.0, limit - time.monotonic()))  # answers that are on their way

    async def _refuse(self, limit: float) -> None:
        self._calls.refusing = True
        self._on_drain()
        for quiet, longest in _REFUSING:
            if await self._calls.until_quiet(quiet, longest, limit):
                break

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


class _Calls:
    """Counts calls, marks or refuses those that come while the server drains, and translates unknown exceptions.

    An interceptor would do the same, and cost every call a tenth of its time.
    """

    def __init__(self, on_call: OnCall) -> None:
        self.draining = self.refusing = False
        self.on_call = on_call
        self.in_flight = 0
        self.came = 0.0  # when the last call did while the server drains, by the monotonic clock

    async def until_quiet(self, quiet: float, longest: float, limit: float) -> bool:
        """Wait until no call has come for a while; tell whether that was so within `longest` seconds.

        `limit` is a time of the monotonic clock after which it is not waited for either. While calls are refused, none
        may be in flight either: those that gRPC has read and not handed over yet wait behind them.
        """
        looked = self.came = time.monotonic()
        end = min(limit, self.came + longest)
        while looked < end:
            await asyncio.sleep(_STEP)
            late, looked = time.monotonic() - looked - _STEP, time.monotonic()
            # A loop that wakes late has calls that it has not seen yet.
            if looked > self.came + quiet and late < quiet / 2 and not (self.refusing and self.in_flight):
                return True
        return False

    def guarded(self, handler: grpc.RpcMethodHandler[Any, Any], method: str) -> grpc.RpcMethodHandler[Any, Any]:
        """Return a handler whose calls are counted."""
        for shape in ("unary_unary", "stream_unary", "unary_stream", "stream_stream"):
            function = getattr(handler, shape)
            if function is not None:
                guard = self._guard_stream if handler.response_streaming else self._guard
                make = getattr(grpc, f"{shape}_rpc_method_handler")
                made: grpc.RpcMethodHandler[Any, Any] = make(
                    guard(function, method),
                    request_deserializer=handler.request_deserializer,
                    response_serializer=handler.response_serializer,
                )
                return made
        return handler

    def _guard(self, function: Callable[..., Awaitable[Any]], method: str) -> Callable[..., Awaitable[Any]]:
        async def run(request: Any, context: Context) -> Any:
            async with _Call(self, method, context):
                return await function(request, context)

        return run

    def _guard_stream(
        self, function: Callable[..., AsyncIterator[Any]], method: str
    ) -> Callable[..., AsyncIterator[Any]]:
        async def run(request: Any, context: Context) -> AsyncIterator[Any]:
            async with _Call(self, method, context):
                async for answer in function(request, context):
                    yield answer

        return run


class _Call:
    """A call from its beginning to its end."""

    __slots__ = ("_began", "_calls", "_context", "_method")

    def __init__(self, calls: _Calls, method: str, context: Context) -> None:
        self._calls, self._method, self._context = calls, method, context
        self._began = time.perf_counter()

    async def __aenter__(self) -> None:
        calls = self._calls
        if calls.draining:
            calls.came = time.monotonic()
        if calls.refusing:
            calls.on_call(self._method, grpc.StatusCode.UNAVAILABLE.name, 0.0)
            await self._context.abort(grpc.StatusCode.UNAVAILABLE, DRAINING_TEXT, DRAINING)
        if calls.draining:
            await self._context.send_initial_metadata(DRAINING)
        calls.in_flight += 1

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        calls = self._calls
        if calls.draining and error is None:
            self._context.set_trailing_metadata(DRAINING)
        try:
            if isinstance(error, Exception) and not isinstance(error, aio.AbortError):
                await _internal(error, self._method, self._context)
        finally:
            calls.in_flight -= 1
            status = _OK if error is None else self._status(error)
            calls.on_call(self._method, status, time.perf_counter() - self._began)

    def _status(self, error: BaseException) -> str:
        if isinstance(error, aio.AbortError):
            return self._context.code().name
        return (grpc.StatusCode.INTERNAL if isinstance(error, Exception) else grpc.StatusCode.CANCELLED).name


async def _internal(error: Exception, method: str, context: Context) -> None:
    extra = {"method": f"/{method}", **trace_fields(context.invocation_metadata())}
    _log.error("unknown exception", exc_info=error, extra=extra)
    await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_TEXT)
