"""Running indexers with their clients, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from scorelens.v1 import store_admin_pb2 as messages
from scorelens.v1.store_admin_pb2_grpc import StoreAdminStub
from scorelens_indexer.receiver import SERVICE
from scorelens_indexer.server import serving
from scorelens_indexer.settings import IndexerSettings
from scorelens_runtime.settings import read
from scorelens_store.contract import Store


@dataclass
class Client:
    """Calls one indexer."""

    address: str
    channel: grpc.Channel

    def export(self, request: Any, **options: Any) -> ExportTraceServiceResponse:
        """Export spans."""
        stub = TraceServiceStub(self.channel)  # type: ignore[no-untyped-call]
        answer: ExportTraceServiceResponse = stub.Export(request, **{"timeout": 30, "wait_for_ready": True, **options})
        return answer

    def export_bytes(self, request: bytes) -> bytes:
        """Export what need not be OTLP."""
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(f"/{SERVICE}/Export")
        return call(request, timeout=30)

    @property
    def admin(self) -> StoreAdminStub:
        """The StoreAdmin service."""
        return StoreAdminStub(self.channel)

    def account(self) -> messages.IndexerAccount:
        """Return the account."""
        return self.admin.GetAccount(messages.GetAccountRequest(), timeout=30, wait_for_ready=True)


@dataclass(frozen=True)
class Failure:
    """How a call failed; `retry_after` is the seconds of its RetryInfo, None without one."""

    code: grpc.StatusCode
    details: str
    retry_after: float | None


def failure_of(call: Callable[[], object]) -> Failure:
    """Make a call that fails; checks that the rich status in its trailers repeats the plain one."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    failure = Failure(error.code(), error.details(), None)
    rich = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if rich is None:
        return failure
    status = Status.FromString(rich)
    assert (status.code, status.message) == (failure.code.value[0], failure.details)
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    return replace(failure, retry_after=retry.retry_delay.ToTimedelta().total_seconds())


@contextmanager
def client_of(address: str) -> Iterator[Client]:
    """Connect to an indexer."""
    # A channel of its own that soon tries again, since tests kill and restart the server.
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 100)]
    with grpc.insecure_channel(address, options) as channel:
        yield Client(address, channel)


def settings_for(folder: Path, **texts: str) -> IndexerSettings:
    """Return settings with any free port."""
    return read(IndexerSettings, "indexer", {"listen": "127.0.0.1:0", "folder": str(folder), **texts})


@contextmanager
def running(folder: Path, store: Store, **texts: str) -> Iterator[Client]:
    """Run an indexer on a store in this process."""
    with serving(settings_for(folder, **texts), lambda: store) as (server, _), client_of(server.address) as client:
        yield client
