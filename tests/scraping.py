"""Asking admin ports as kubelet and Prometheus do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from scorelens_runtime.metrics.definitions import BUILD, Kind, Metric


def get(admin: str, path: str) -> tuple[int, bytes]:
    """Return status and body of a path of an admin port; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{admin}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def is_ready(admin: str) -> bool:
    """Tell whether /readyz says yes."""
    return get(admin, "/readyz")[0] == 200


def objection(admin: str) -> str:
    """Return why /readyz says no; empty where it says yes."""
    status, body = get(admin, "/readyz")
    answer: dict[str, Any] = json.loads(body) if body else {"reason": "nobody answers"}
    assert (status == 200) is bool(answer.get("ready"))
    return str(answer.get("reason", ""))


def scrape(admin: str) -> dict[str, Family]:
    """Return the families of /metrics by their names, as Prometheus' own parser reads them."""
    status, body = get(admin, "/metrics")
    assert status == 200
    return parsed(body)


def parsed(text: bytes) -> dict[str, Family]:
    """Return the families of a text by their names."""
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


def value(families: Mapping[str, Family], name: str, **labels: str) -> float:
    """Return the sum of the samples of a name that have some labels; 0 without any."""
    samples = [sample for family in families.values() for sample in family.samples if sample.name == name]
    return sum(each.value for each in samples if labels.items() <= each.labels.items())


def assert_defined(families: Mapping[str, Family], metrics: Iterable[Metric], more_labels: Iterable[str] = ()) -> None:
    """Assert that what was scraped is what its definitions say: names, kinds, texts and labels."""
    defined = {metric.prometheus_name.removesuffix("_total"): metric for metric in (*metrics, BUILD)}
    for name, family in families.items():
        metric = defined[name]
        kind = "counter" if metric.kind is Kind.COUNTER else metric.kind.value
        assert (family.type, family.documentation) == (kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == {*metric.labels, *more_labels}


def admin_of(said: str) -> str:
    """Return where the admin port is, as a server's log says; those of its workers are not meant."""
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return str([line["admin"] for line in lines if not line.get("admin", "unix:").startswith("unix:")][-1])
