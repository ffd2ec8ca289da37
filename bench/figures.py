"""Figures of one run: a ratio to a named peer, the gate it is held to, and what to know of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured ratio.

    `ours` and `peer` are in `unit`; `ratio` is what `gate` ("<= 0.7", ">= 4", or nothing) is about, measured within
    one run and not always the quotient of the other two, where it is the median of the rounds' ratios.
    """

    name: str
    ratio: float
    gate: str = ""
    ours: float | None = None
    peer: float | None = None
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool:
        """Tell whether the ratio keeps the gate; without one it does."""
        if not self.gate:
            return True
        comparison, _, bound = self.gate.partition(" ")
        return self.ratio <= float(bound) if comparison == "<=" else self.ratio >= float(bound)


def write(path: Path | None, figures: Iterable[Figure]) -> None:
    """Write figures for `python -m bench` to put together; nothing where no path was named."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def read(path: Path) -> list[Figure]:
    """Read what `write` wrote, or any list of objects that have at least its fields without a default."""
    known = Figure.__dataclass_fields__
    return [
        Figure(**{name: value for name, value in each.items() if name in known})
        for each in json.loads(path.read_text())
    ]


def report(figures: Iterable[Figure]) -> int:
    """Print the gates that are missed; return the exit status, 1 where there is one."""
    missed = [figure for figure in figures if not figure.met]
    for figure in missed:
        print(f"missed: {figure.name}: {figure.ratio:.2f}, gate {figure.gate}")
    return int(bool(missed))
