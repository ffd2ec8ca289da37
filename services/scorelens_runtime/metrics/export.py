"""Metrics out of a process: as Prometheus text when asked, and by OTLP from time to time, both by OpenTelemetry's SDK.

Counters and gauges are asynchronous instruments of the SDK. It has no asynchronous histogram, so that histograms join
what its readers collect.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

from scorelens_runtime.metrics.counting import Labels, Spread
from scorelens_runtime.metrics.definitions import Kind, Metric
from scorelens_runtime.metrics.instruments import Instruments

_SCOPE = "scorelens"


class Histograms:
    """Adds the histograms of a process to what a reader has collected."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._began = time.time_ns()

    def added_to(self, collected: sdk.MetricsData) -> sdk.MetricsData:
        """Return the same with the histograms in it."""
        made = [self._made(metric, list(read())) for metric, read in self._instruments.spreads.items()]
        first, *others = collected.resource_metrics
        scope, *scopes = first.scope_metrics
        scope = replace(scope, metrics=[*scope.metrics, *(each for each in made if each.data.data_points)])
        return sdk.MetricsData([replace(first, scope_metrics=[scope, *scopes]), *others])

    def _made(self, metric: Metric, spreads: Sequence[tuple[Labels, Spread]]) -> sdk.Metric:
        points = [self._point(metric, labels, spread) for labels, spread in spreads]
        data = sdk.Histogram(points, sdk.AggregationTemporality.CUMULATIVE)
        return sdk.Metric(metric.name, metric.help, metric.unit, data)

    def _point(self, metric: Metric, labels: Labels, spread: Spread) -> sdk.HistogramDataPoint:
        return sdk.HistogramDataPoint(
            attributes=_attributes(metric, labels),
            start_time_unix_nano=self._began,
            time_unix_nano=time.time_ns(),
            count=sum(spread.counts),
            sum=spread.sum,
            bucket_counts=spread.counts,
            explicit_bounds=metric.bounds,
            min=float("inf"),  # as the SDK says that it is not known
            max=float("-inf"),
        )


class PrometheusReader(PrometheusMetricReader):
    """The SDK's reader for Prometheus, with the histograms."""

    def __init__(self, histograms: Histograms, registry: CollectorRegistry) -> None:
        super().__init__(disable_target_info=True, scope_info_enabled=False, registry=registry)
        self._histograms = histograms

    def _receive_metrics(self, metrics_data: sdk.MetricsData, *arguments: Any, **named: Any) -> None:
        super()._receive_metrics(self._histograms.added_to(metrics_data), *arguments, **named)


class Telemetry:
    """The metrics of a process on their way out."""

    def __init__(self, instruments: Instruments, resource: Mapping[str, str], otlp: str = "") -> None:
        """Begin; `otlp` is the http:// or https:// address of a receiver that gets them from time to time."""
        histograms = Histograms(instruments)
        self._scraping = threading.Lock()
        self._registry = CollectorRegistry()
        readers: list[sdk.MetricReader] = [PrometheusReader(histograms, self._registry)]
        if otlp:
            # Only here: it needs gRPC.
            from scorelens_runtime.metrics.otlp import otlp_reader

            readers.append(otlp_reader(otlp, histograms))
        self._provider = MeterProvider(
            readers, Resource.create(dict(resource)), AlwaysOffExemplarFilter(), shutdown_on_exit=False
        )
        self._meter = self._provider.get_meter(_SCOPE)
        instruments.follow(lambda metric: self._register(metric, instruments))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        with self._scraping:
            return generate_latest(self._registry)

    def close(self) -> None:
        """Send the last values and end."""
        self._provider.shutdown()

    def _register(self, metric: Metric, instruments: Instruments) -> None:
        meter = self._meter
        create = meter.create_observable_counter if metric.kind is Kind.COUNTER else meter.create_observable_gauge

        def observe(options: CallbackOptions) -> Iterable[Observation]:
            read = instruments.points[metric]
            return [Observation(value, _attributes(metric, labels)) for labels, value in read()]

        create(metric.name, [observe], metric.unit, metric.help)


def _attributes(metric: Metric, labels: Labels) -> dict[str, str]:
    return dict(zip(metric.labels, labels, strict=True))
