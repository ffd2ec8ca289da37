"""What callers are told: errors of the scorer as gRPC statuses."""

from __future__ import annotations

import logging
from typing import Any, Final, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from scorelens_runtime.serving import INTERNAL_TEXT
from scorelens_runtime.serving_aio import DRAINING, DRAINING_TEXT
from scorelens_runtime.trace import trace_fields
from scorelens_scorer.checks import RefusedError
from scorelens_scorer.errors import ModelFaultError
from scorelens_scorer.jobs import GivenUpError
from scorelens_scorer.room import FullError

_log = logging.getLogger(__name__)
_DETAILS_KEY: Final = "grpc-status-details-bin"
_PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
"""Followed by gRPC's own retries, as RetryInfo is by others."""


class DrainingError(Exception):
    """A stream ends because the scorer does."""


async def abort(error: Exception, context: aio.ServicerContext[Any, Any]) -> NoReturn:
    """End a call with the status that stands for an error."""
    match error:
        case RefusedError():
            await context.abort(error.code, error.text)
        case FullError():
            await _abort_for_now(error, context)
        case ModelFaultError():
            extra = {"reason": str(error), **trace_fields(context.invocation_metadata())}
            _log.error("model broke its word", exc_info=error.__cause__, extra=extra)
            await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_TEXT)
        case DrainingError():
            await context.abort(grpc.StatusCode.UNAVAILABLE, DRAINING_TEXT, DRAINING)
        case GivenUpError():
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "nobody waits for the answer any more")
    raise error


async def _abort_for_now(error: FullError, context: aio.ServicerContext[Any, Any]) -> None:
    delay = duration_pb2.Duration()
    delay.FromMicroseconds(round(error.pause * 1e6))
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[detail])
    metadata = ((_DETAILS_KEY, status.SerializeToString()), (_PUSHBACK_KEY, str(round(error.pause * 1000))))
    await context.abort(code, str(error), metadata)
