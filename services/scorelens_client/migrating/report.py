"""What a migration did, and whether both sides have the same now."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any


@dataclass
class Day:
    """One day of both stores (UTC, by `@timestamp`).

    `source` and `target` are what the stores count when all is done. The rest is what comparing them record by record
    has found: how many only the target has, could never be stored there, are kept out because they were forgotten, or
    have another value of a label there.
    """

    source: int = 0
    target: int = 0
    only_target: int = 0
    rejected: int = 0
    forgotten: int = 0
    label_conflicts: int = 0

    @property
    def missing(self) -> int:
        """How many records the target should have and has not; negative where it has more than was seen."""
        return self.source - self.rejected - self.forgotten - (self.target - self.only_target)


@dataclass
class Report:
    """What a run did, in records unless a line says otherwise."""

    found: int = 0  # in the source
    copied: int = 0  # or, of a dry run, to be copied
    there: int = 0  # in the target already
    relabelled: int = 0  # there already, without a label that the source has
    label_conflicts: int = 0  # there already, with another value of a label
    forgotten: int = 0  # kept out, since they were forgotten in the target
    removed: int = 0  # out of the target, since they were forgotten in the source
    rejected: int = 0  # that the target can never store
    tombstones: int = 0  # hashes that the target did not know
    missing: list[str] = field(default_factory=list)  # ids that the target still lacks
    days: dict[date, Day] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether the target has all that the source has but for what it can never store."""
        return not self.missing and not any(day.missing > 0 for day in self.days.values())

    def add_up(self) -> None:
        """Sum up what was found of each day."""
        for name in ("label_conflicts", "forgotten", "rejected"):
            setattr(self, name, sum(getattr(day, name) for day in self.days.values()))
        self.found = sum(day.source for day in self.days.values())
        self.there = max(0, self.found - self.copied - self.forgotten - self.rejected)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        days = [{"day": str(day), **asdict(counts), "missing": counts.missing} for day, counts in self.days.items()]
        return asdict(self) | {"complete": self.complete, "days": days}
