"""The one place where errors become gRPC statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from scorelens_indexer.errors import MalformedError, OverloadedError
from scorelens_runtime.errors import ScorelensError, UnavailableError
from scorelens_store.errors import RecordNotFoundError, StoreDamagedError

_DAMAGED_RETRY_SECONDS: Final = 30.0
_DETAILS_KEY: Final = "grpc-status-details-bin"

Request = TypeVar("Request")
Response = TypeVar("Response")
Handler = Callable[[Any, Request, grpc.ServicerContext], Response]


def translated(handler: Handler[Request, Response]) -> Handler[Request, Response]:
    """Make a servicer's method answer errors meant for people with their status; others go on upwards."""

    def run(self: Any, request: Request, context: grpc.ServicerContext) -> Response:
        try:
            return handler(self, request, context)
        except ScorelensError as error:
            _abort(context, error)

    return run


def translated_stream(handler: Handler[Request, Iterator[Response]]) -> Handler[Request, Iterator[Response]]:
    """Do the same for a method that answers with a stream."""

    def run(self: Any, request: Request, context: grpc.ServicerContext) -> Iterator[Response]:
        try:
            yield from handler(self, request, context)
        except ScorelensError as error:
            _abort(context, error)

    return run


def code_of(error: Exception) -> grpc.StatusCode:
    """Return the status that stands for an error; INTERNAL for one that nobody expected."""
    match error:
        case OverloadedError():
            return grpc.StatusCode.RESOURCE_EXHAUSTED
        case UnavailableError() | StoreDamagedError():
            return grpc.StatusCode.UNAVAILABLE
        case MalformedError():
            return grpc.StatusCode.INVALID_ARGUMENT
        case RecordNotFoundError():
            return grpc.StatusCode.NOT_FOUND
    return grpc.StatusCode.INTERNAL


def _abort(context: grpc.ServicerContext, error: ScorelensError) -> NoReturn:
    code = code_of(error)
    match error:
        case UnavailableError():
            _abort_for_now(context, code, str(error), error.retry_after)
        case StoreDamagedError():  # a person has to mend it; until then senders keep what they have
            _abort_for_now(context, code, str(error), _DAMAGED_RETRY_SECONDS)
        case MalformedError() | RecordNotFoundError():
            context.abort(code, str(error))
    raise error


def _abort_for_now(context: grpc.ServicerContext, code: grpc.StatusCode, message: str, retry_after: float) -> NoReturn:
    """End a call with the standard hint of when to try again."""
    delay = duration_pb2.Duration()
    delay.FromMicroseconds(round(retry_after * 1e6))
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    context.set_trailing_metadata(((_DETAILS_KEY, status.SerializeToString()),))
    context.abort(code, message)
