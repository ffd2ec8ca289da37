"""The metrics of several processes as one text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class Merged(Collector):
    """Texts by the value of a label that tells them apart."""

    def __init__(self, label: str, texts: Mapping[str, bytes]) -> None:
        self._label, self._texts = label, texts

    def collect(self) -> Iterable[Family]:
        """Yield each family once, with the samples of all texts."""
        merged: dict[str, Family] = {}
        for value, text in self._texts.items():
            for family in text_string_to_metric_families(text.decode()):
                whole = merged.setdefault(family.name, Family(family.name, family.documentation, family.type))
                for sample in family.samples:
                    whole.add_sample(sample.name, {**sample.labels, self._label: value}, sample.value)
        return merged.values()


def merge(label: str, texts: Mapping[str, bytes]) -> bytes:
    """Return one text of several, each sample with a label that says whose it is."""
    registry = CollectorRegistry()
    registry.register(Merged(label, texts))
    return generate_latest(registry)
