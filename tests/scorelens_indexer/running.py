"""Running indexers with their clients, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from scorelens.v1 import store_admin_pb2 as messages
from scorelens.v1.store_admin_pb2_grpc import StoreAdminStub
from scorelens_indexer.receiver import SERVICE
from scorelens_indexer.server import Indexer
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
        answer: ExportTraceServiceResponse = stub.Export(request, timeout=30, **options)
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
        return self.admin.GetAccount(messages.GetAccountRequest(), timeout=30)


@contextmanager
def client_of(address: str) -> Iterator[Client]:
    """Connect to an indexer."""
    with grpc.insecure_channel(address) as channel:
        yield Client(address, channel)


def settings_for(folder: Path, **texts: str) -> IndexerSettings:
    """Return settings with any free port."""
    return read(IndexerSettings, "indexer", {"listen": "127.0.0.1:0", "folder": str(folder), **texts})


@contextmanager
def running(folder: Path, store: Store, **texts: str) -> Iterator[Client]:
    """Run an indexer on a store in this process."""
    with Indexer(settings_for(folder, **texts), store) as indexer:
        try:
            with client_of(indexer.server.address) as client:
                yield client
        finally:
            indexer.server.stop()
