"""Sending metrics to an OTLP/gRPC receiver. The one module of the metrics that needs gRPC.

The standard variables of OpenTelemetry's exporters hold: OTEL_EXPORTER_OTLP_HEADERS for credentials,
OTEL_EXPORTER_OTLP_CERTIFICATE for authorities of one's own, OTEL_METRIC_EXPORT_INTERVAL for how often, in milliseconds.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import export as sdk

from scorelens_runtime.metrics.export import Histograms


class OtlpReader(sdk.PeriodicExportingMetricReader):
    """The SDK's periodic reader, with the histograms."""

    def __init__(self, exporter: sdk.MetricExporter, histograms: Histograms) -> None:
        self._histograms = histograms
        super().__init__(exporter)

    def _receive_metrics(self, metrics_data: sdk.MetricsData, *arguments: Any, **named: Any) -> None:
        super()._receive_metrics(self._histograms.added_to(metrics_data), *arguments, **named)


def otlp_reader(address: str, histograms: Histograms) -> sdk.MetricReader:
    """Return a reader that sends to an http:// (plain) or https:// (encrypted) address."""
    return OtlpReader(OTLPMetricExporter(endpoint=address, insecure=address.startswith("http://")), histograms)
