"""Running a gRPC server: health, reflection, unknown exceptions, drain. The one runtime module that needs gRPC."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.lifecycle import announce, follow_supervisor, on_signal, wait_for
from scorelens_runtime.trace import trace_fields

_log = logging.getLogger(__name__)

INTERNAL_TEXT = "the server failed to answer; its log has the cause"


@dataclass(frozen=True)
class Serving:
    """How a server is reached and how much it takes on.

    `max_message` is in bytes, both ways; `drain` is how many seconds calls in flight get after SIGTERM. With
    `reuse_port` several processes may listen on the same port, where the system allows it.
    """

    listen: Endpoint
    threads: int = 8
    max_message: int = 64 * 2**20
    drain: float = 10.0
    max_connection_age: float = 0.0
    reuse_port: bool = False

    def options(self) -> list[tuple[str, Any]]:
        """Return gRPC's options for it."""
        options: list[tuple[str, Any]] = [
            ("grpc.max_receive_message_length", self.max_message),
            ("grpc.max_send_message_length", self.max_message),
            ("grpc.so_reuseport", int(self.reuse_port)),
        ]
        if self.max_connection_age:
            options.append(("grpc.max_connection_age_ms", int(self.max_connection_age * 1000)))
        return options

    def listen_on(self, server: grpc.Server | grpc.aio.Server) -> str:
        """Have a server listen, and return the address. Raises SettingError."""
        try:
            port = server.add_insecure_port(self.listen.address)
        except RuntimeError as error:
            raise SettingError(f"setting --listen: cannot listen on {self.listen.address}: is it in use?") from error
        return Endpoint(self.listen.host, port).address


class Stoppable(Protocol):
    """A server that runs at an address until it is stopped."""

    @property
    def address(self) -> str: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102


class RunningServer:
    """A started gRPC server with health and reflection; `stop` drains it."""

    def __init__(self, serving: Serving, services: Sequence[str], add: Callable[[grpc.Server], None]) -> None:
        self._drain = serving.drain
        self._server = grpc.server(
            ThreadPoolExecutor(serving.threads, "rpc"), interceptors=[_UnknownExceptions()], options=serving.options()
        )
        add(self._server)
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.address = serving.listen_on(self._server)
        self._server.start()
        for name in ("", *services):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        """Turn unhealthy, refuse new calls, and wait for those in flight as long as the drain time allows."""
        self._health.enter_graceful_shutdown()
        self._server.stop(self._drain).wait()


def serve_until_told(server: Stoppable, readiness: Readiness | None = None, **details: object) -> None:
    """Announce a server and wait for SIGTERM or SIGINT, then drain it; `readiness` hears of both."""
    readiness = readiness or Readiness()
    told = threading.Event()
    on_signal(told.set)
    follow_supervisor()
    announce(server.address, **details)
    readiness.start()
    wait_for(told)
    readiness.drain()
    _log.info("draining")
    server.stop()


class _UnknownExceptions(grpc.ServerInterceptor):
    """Turns an exception that nobody translated into INTERNAL with a fixed text and one log line."""

    def intercept_service(self, continuation: Callable[..., Any], handler_call_details: Any) -> Any:
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        for shape in ("unary_unary", "stream_unary", "unary_stream", "stream_stream"):
            function = getattr(handler, shape)
            if function is not None:
                guard = _guard_stream if handler.response_streaming else _guard
                make = getattr(grpc, f"{shape}_rpc_method_handler")
                return make(
                    guard(function, handler_call_details.method),
                    request_deserializer=handler.request_deserializer,
                    response_serializer=handler.response_serializer,
                )
        return handler


def _guard(function: Callable[..., Any], method: str) -> Callable[..., Any]:
    def run(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return function(request, context)
        except Exception as error:
            return _internal(error, method, context)

    return run


def _guard_stream(function: Callable[..., Iterator[Any]], method: str) -> Callable[..., Iterator[Any]]:
    def run(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from function(request, context)
        except Exception as error:
            _internal(error, method, context)

    return run


def _internal(error: Exception, method: str, context: grpc.ServicerContext) -> None:
    if not context.is_active() or context.code() is not None:  # type: ignore[attr-defined]
        raise error  # context.abort raises a bare Exception to end the call; its status is set already
    extra = {"method": method, **trace_fields(context.invocation_metadata())}
    _log.error("unknown exception", exc_info=error, extra=extra)
    context.abort(grpc.StatusCode.INTERNAL, INTERNAL_TEXT)
