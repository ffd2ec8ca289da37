"""A receiver of metrics over OTLP/gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as otlp
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as otlp_grpc


class Receiver(otlp_grpc.MetricsServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.address = ""
        self.received: list[otlp.ExportMetricsServiceRequest] = []

    def Export(  # noqa: N802
        self, request: otlp.ExportMetricsServiceRequest, context: grpc.ServicerContext
    ) -> otlp.ExportMetricsServiceResponse:
        """Take metrics."""
        self.received.append(request)
        return otlp.ExportMetricsServiceResponse()

    def names(self) -> set[str]:
        """Return the names of all metrics that came."""
        scopes = [scope for each in self.received for of in each.resource_metrics for scope in of.scope_metrics]
        return {metric.name for scope in scopes for metric in scope.metrics}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive on a free port until the end of the block."""
    receiver, server = Receiver(), grpc.server(ThreadPoolExecutor(2))
    otlp_grpc.add_MetricsServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    receiver.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()
