"""Channels to the parts of a system, and what their errors mean to a person."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio

from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import ScorelensError, UnavailableError

LARGEST_MESSAGE = 256 * 2**20


OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


def open_channel(address: str) -> grpc.Channel:
    """Open a channel to HOST:PORT or http(s)://HOST:PORT; it connects when it is first used."""
    endpoint = Endpoint.parse(address)
    if endpoint.tls:
        return grpc.secure_channel(endpoint.address, grpc.ssl_channel_credentials(), OPTIONS)
    return grpc.insecure_channel(endpoint.address, OPTIONS)


def open_async_channel(address: str) -> grpc.aio.Channel:
    """Open the same for asyncio."""
    endpoint = Endpoint.parse(address)
    if endpoint.tls:
        return grpc.aio.secure_channel(endpoint.address, grpc.ssl_channel_credentials(), OPTIONS)
    return grpc.aio.insecure_channel(endpoint.address, OPTIONS)


def translate(error: grpc.RpcError, part: str, address: str) -> ScorelensError:
    """Turn a failed call into an error for people; `part` names who was called."""
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        why = "" if "failed to connect" in details else f": {details}"
        return UnavailableError(f"the {part} at {address} does not answer; is it running?{why}")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return UnavailableError(f"the {part} at {address} did not answer in time")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return ScorelensError(f"what answers at {address} is no {part}: is that the right address? ({details})")
    kept = "; `scorelens promote` puts a model that is kept to use" if code is grpc.StatusCode.NOT_FOUND else ""
    return ScorelensError(f"the {part} at {address} answered {code.name}: {details}{kept if part == 'scorer' else ''}")
