"""Writes the tables of docs/operations.md from the metrics of all components: python docs/make_metrics.py."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from scorelens_runtime.metrics.definitions import BUILD, Metric

PAGE = Path(__file__).with_name("operations.md")
BEGIN, END = "<!-- metrics: written by `make generate` -->", "<!-- end of metrics -->"

MODULES = {
    "sidecar": "scorelens_sidecar.watch.metrics",
    "scorer": "scorelens_scorer.metrics",
    "indexer": "scorelens_indexer.metrics",
    "console": "scorelens_console.metrics",
}


def metrics_of(component: str) -> Sequence[Metric]:
    """Return the metrics of a component, its own ones."""
    metrics: Sequence[Metric] = importlib.import_module(MODULES[component]).METRICS
    return metrics


def every_metric() -> Sequence[Metric]:
    """Return the metrics of all components."""
    return [BUILD, *(metric for component in MODULES for metric in metrics_of(component))]


def tables() -> str:
    """Return a table for each component."""
    parts = [_table("every component", [BUILD]), *(_table(component, metrics_of(component)) for component in MODULES)]
    return "\n\n".join(parts)


def page(text: str) -> str:
    """Return the page with the tables in their place."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{tables()}\n\n{END}", text)


def _table(title: str, metrics: Sequence[Metric]) -> str:
    rows = "\n".join(
        f"| `{metric.prometheus_name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.help} |"
        for metric in metrics
    )
    return f"### Metrics of {title}\n\n| name | kind | labels | what it says |\n|---|---|---|---|\n{rows}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
