"""What a metric is: every component lists its own, docs/operations.md is made of the lists."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SECONDS: Final = "s"
BYTES: Final = "By"
_SUFFIXES: Final = {SECONDS: "_seconds", BYTES: "_bytes"}

FAST: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds, in seconds, for what usually takes milliseconds."""
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1000.0)
"""Bounds for how many there are in a batch."""


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"  # only grows, but for a restart
    GAUGE = "gauge"  # goes up and down
    HISTOGRAM = "histogram"  # counts observations by size


@dataclass(frozen=True)
class Metric:
    """A metric by its OpenTelemetry name; its unit is UCUM, or a word in braces for things that are counted.

    `labels` are the names of its attributes, each of which must have few values; `bounds` are those of a histogram.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The name at /metrics, which has the unit and, for a counter, `_total` at its end."""
        base = self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "")
        return f"{base}_total" if self.kind is Kind.COUNTER else base


BUILD: Final = Metric(
    "scorelens.build_info", Kind.GAUGE, "", "Always 1; the labels say what runs.", ("component", "version")
)
"""Every component has it."""
