"""A real OTLP receiver whose answers a test can script, and real spools to ship from."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from scorelens_runtime.endpoint import Endpoint
from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.shipper.__main__ import Shipper
from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.spool.writer import SpoolWriter

AGES = 1e10
"""Seconds that no record of a test is old."""

Answer = Callable[["Receiver", ExportTraceServiceRequest, grpc.ServicerContext], ExportTraceServiceResponse]


@dataclass
class Receiver(TraceServiceServicer):
    """Keeps what it accepts; the next answers come from `script`, and from `always` when that is empty."""

    script: deque[Answer] = field(default_factory=deque)
    always: Answer | None = None
    exports: list[tuple[float, ExportTraceServiceRequest, dict[str, str]]] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    port: int = 0
    server: grpc.Server | None = None

    def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:  # noqa: N802
        """Answer as scripted."""
        metadata = {key: str(value) for key, value in context.invocation_metadata()}
        self.exports.append((time.monotonic(), request, metadata))
        answer = self.script.popleft() if self.script else self.always
        if answer is not None:
            return answer(self, request, context)
        self.accept(request)
        return ExportTraceServiceResponse()

    def accept(self, request: ExportTraceServiceRequest) -> None:
        """Keep the records of an export."""
        self.accepted.update(record_ids(request))

    def start(self, credentials: grpc.ServerCredentials | None = None, options: Sequence[Any] = ()) -> None:
        """Serve, on the port it had before."""
        self.server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0), *options])
        add_TraceServiceServicer_to_server(self, self.server)  # type: ignore[no-untyped-call]
        address = f"127.0.0.1:{self.port}"
        add = self.server.add_insecure_port
        self.port = self.server.add_secure_port(address, credentials) if credentials else add(address)
        self.server.start()

    def stop(self) -> None:
        """Go away at once."""
        if self.server:
            self.server.stop(None).wait()
            self.server = None


def record_ids(request: ExportTraceServiceRequest) -> list[str]:
    """List the ids of the records in an export."""
    return [
        attribute.value.string_value
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        for attribute in span.attributes
        if attribute.key == "scorelens.record.id"
    ]


def refuse(code: grpc.StatusCode, text: str = "scripted", retry_after: float | None = None) -> Answer:
    """Answer with a status, and RetryInfo where a time is given."""

    def answer(
        receiver: Receiver, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        if retry_after is not None:
            info = RetryInfo()
            info.retry_delay.FromMilliseconds(int(retry_after * 1000))
            detail = AnyMessage()
            detail.Pack(info)
            status = Status(code=code.value[0], message=text, details=[detail])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, text)
        raise AssertionError

    return answer


def until(condition: Callable[[], bool], limit: float = 30.0) -> None:
    """Wait for a condition, or fail."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


class Running:
    """A shipper that runs in threads of this process."""

    def __init__(self, settings: SidecarSettings) -> None:
        self.shipper = Shipper(settings)
        self._thread = threading.Thread(target=self.shipper.run)
        self._thread.start()

    def stop(self) -> None:
        """Tell it to stop and wait until it has."""
        self.shipper.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that serves."""
    served = Receiver()
    served.start()
    yield served
    served.stop()


@pytest.fixture
def other_receiver() -> Iterator[Receiver]:
    """A second receiver that serves."""
    served = Receiver()
    served.start()
    yield served
    served.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a sidecar."""
    return tmp_path / "sidecar"


@pytest.fixture
def ship(folder: Path) -> Iterator[Callable[..., Running]]:
    """Start shippers of the folder, and stop them in the end."""
    running: list[Running] = []

    def start(*receivers: Receiver, **changes: Any) -> Running:
        running.append(Running(settings_for(folder, *receivers, **changes)))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def settings_for(folder: Path, *receivers: Receiver, **changes: Any) -> SidecarSettings:
    """Settings of a shipper that looks often and stops fast."""
    otlp = tuple(Endpoint("127.0.0.1", receiver.port) for receiver in receivers)
    values: dict[str, Any] = {"folder": folder, "otlp": otlp, "poll": 0.01, "drain": 1.0, "log_bytes": 0}
    values["spool_age"] = AGES  # the calls of tests are as old as their fixed date
    return SidecarSettings(**values | changes)


def spool(folder: Path, calls: Sequence[CapturedCall], relay: int = 0) -> None:
    """Append calls to the spool of a relay, as a relay does that runs and ends."""
    writer = SpoolWriter(relay_folder(folder, relay), settings_for(folder))
    for call in calls:
        assert writer.append([call])
    writer.close()
