"""Metrics out of a process, read by Prometheus' own parser and received over OTLP."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.metrics.definitions import BYTES, SECONDS, Kind, Metric
from scorelens_runtime.metrics.export import Telemetry
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.metrics.merging import merge
from scorelens_runtime.operations import Operations, Wanted
from tests.scorelens_runtime.metrics.receiving import receiving
from tests.scraping import assert_defined

COUNTER = Metric("scorelens.test.calls", Kind.COUNTER, "{call}", "Calls.", ("status",))
ALONE = Metric("scorelens.test.drops", Kind.COUNTER, "{drop}", "Drops.")
GAUGE = Metric("scorelens.test.queue", Kind.GAUGE, BYTES, "What waits.")
HISTOGRAM = Metric("scorelens.test.call.duration", Kind.HISTOGRAM, SECONDS, "How long.", ("method",), (0.1, 1.0))


def filled() -> Instruments:
    """Make instruments of each kind, and count with them."""
    instruments = Instruments()
    counts, waits = instruments.counter(COUNTER), [7.0]
    instruments.counter(ALONE)
    instruments.read(GAUGE, lambda: [((), waits[0])])
    durations = instruments.histogram(HISTOGRAM)
    for seconds in (0.05, 0.1, 0.5, 2.0):
        durations.observe(seconds, "Score")
    counts.add(3, "OK")
    counts.add(1, "INTERNAL")
    return instruments


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """Return the values of a text by name and labels."""
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *(f"{key}={label}" for key, label in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_prometheus_reads_what_was_counted() -> None:
    """Names carry units, counters their ending, histograms their buckets up to each bound, inclusive."""
    with closing(Telemetry(filled(), {})) as telemetry:
        assert samples(telemetry.text()) == {
            ("scorelens_test_calls_total", "status=OK"): 3,
            ("scorelens_test_calls_total", "status=INTERNAL"): 1,
            ("scorelens_test_drops_total",): 0,
            ("scorelens_test_queue_bytes",): 7,
            ("scorelens_test_call_duration_seconds_bucket", "le=0.1", "method=Score"): 2,
            ("scorelens_test_call_duration_seconds_bucket", "le=1.0", "method=Score"): 3,
            ("scorelens_test_call_duration_seconds_bucket", "le=+Inf", "method=Score"): 4,
            ("scorelens_test_call_duration_seconds_count", "method=Score"): 4,
            ("scorelens_test_call_duration_seconds_sum", "method=Score"): pytest.approx(2.65),
        }


def test_definitions_say_what_is_scraped() -> None:
    """The name that a definition gives is the one that Prometheus sees, with its help and its labels."""
    with closing(Telemetry(filled(), {})) as telemetry:
        families = {family.name: family for family in text_string_to_metric_families(telemetry.text().decode())}
    assert len(families) == 4
    assert_defined(families, (COUNTER, ALONE, GAUGE, HISTOGRAM))


def test_what_is_measured_later_is_shown_too() -> None:
    """Instruments made while the port serves already, and ones whose source was replaced, are read."""
    instruments = Instruments()
    with closing(Telemetry(instruments, {})) as telemetry:
        assert samples(telemetry.text()) == {}
        instruments.read(GAUGE, lambda: [((), 1.0)])
        assert samples(telemetry.text()) == {("scorelens_test_queue_bytes",): 1}
        instruments.read(GAUGE, lambda: [((), 2.0)])
        assert samples(telemetry.text()) == {("scorelens_test_queue_bytes",): 2}


def test_threads_lose_no_count() -> None:
    """What many threads count at the same time adds up."""
    instruments = Instruments()
    counts, durations = instruments.counter(COUNTER), instruments.histogram(HISTOGRAM)

    def count() -> None:
        for _ in range(2000):
            counts.add(1, "OK")
            durations.observe(0.2, "Score")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(counts.read()) == [(("OK",), 8000)]
    ((labels, spread),) = durations.read()
    assert (labels, spread.counts) == (("Score",), [0, 8000, 0])
    assert spread.sum == pytest.approx(1600)


def test_several_processes_are_one_text() -> None:
    """Each sample of a merged text says whose it is, and each family is there once."""
    with closing(Telemetry(filled(), {})) as telemetry:
        text = telemetry.text()
    merged = merge("worker", {"1": text, "2": text})
    assert merged.count(b"# TYPE scorelens_test_calls_total counter") == 1
    found = samples(merged)
    assert len(found) == 2 * len(samples(text))
    assert found["scorelens_test_calls_total", "status=OK", "worker=2"] == 3
    assert found["scorelens_test_call_duration_seconds_bucket", "le=1.0", "method=Score", "worker=1"] == 3


def test_a_receiver_gets_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over OTLP come the same metrics under their own names, from a resource that names component, pod and process."""
    monkeypatch.setenv("K8S_POD_NAME", "scorelens-scorer-0")
    with receiving() as receiver:
        wanted = Wanted(otlp=Endpoint.parse(receiver.address))
        with Operations("scorer", wanted, filled(), Readiness()) as operations:
            assert operations.details() == {}
        (sent,) = receiver.received  # what was counted is sent at the end at the latest
    (of_resource,) = sent.resource_metrics
    attributes = {each.key: each.value.string_value for each in of_resource.resource.attributes}
    assert attributes["service.name"] == "scorelens-scorer"
    assert attributes["k8s.pod.name"] == "scorelens-scorer-0"
    assert attributes["service.instance.id"].startswith("scorelens-scorer-0/")
    metrics = {metric.name: metric for scope in of_resource.scope_metrics for metric in scope.metrics}
    assert set(metrics) == {"scorelens.build_info", *(m.name for m in (COUNTER, ALONE, GAUGE, HISTOGRAM))}
    calls = metrics[COUNTER.name].sum
    assert calls.is_monotonic
    assert {point.attributes[0].value.string_value: point.as_double for point in calls.data_points} == {
        "OK": 3.0,
        "INTERNAL": 1.0,
    }
    (point,) = metrics[HISTOGRAM.name].histogram.data_points
    assert (list(point.bucket_counts), list(point.explicit_bounds), point.count) == ([2, 1, 1], [0.1, 1.0], 4)
    assert (metrics[HISTOGRAM.name].unit, metrics[GAUGE.name].unit) == ("s", "By")
