"""The OTLP/gRPC edge: the trace service that any OpenTelemetry exporter speaks to."""

from __future__ import annotations

from typing import Final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from scorelens_indexer.intake import Intake
from scorelens_indexer.measures import Measures
from scorelens_indexer.statuses import translated

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"


class TraceReceiver:
    """Answers an export once its spans are stored, or put aside for good and named in the partial success."""

    def __init__(self, intake: Intake, measures: Measures) -> None:
        self._intake, self._measures = intake, measures

    @translated
    def export(self, request: bytes, _: grpc.ServicerContext) -> ExportTraceServiceResponse:
        """Take in one serialised ExportTraceServiceRequest."""
        with self._measures.export():
            rejections = self._intake.accept(request)
        if not rejections.spans:
            return ExportTraceServiceResponse()
        message = f"{rejections.spans} spans can never be stored and are dead letters; the first: {rejections.reason}"
        return ExportTraceServiceResponse(
            partial_success=ExportTracePartialSuccess(rejected_spans=rejections.spans, error_message=message)
        )

    def add_to(self, server: grpc.Server) -> None:
        """Serve with the request as bytes, so that one that cannot be parsed gets the status it deserves."""
        handler: grpc.RpcMethodHandler[bytes, ExportTraceServiceResponse] = grpc.unary_unary_rpc_method_handler(
            self.export, response_serializer=ExportTraceServiceResponse.SerializeToString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),))
