"""The tags of a record as a listing shows them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scorelens_reading.calculation import Calculation, calculations_of
from scorelens_store.contract import Record


@dataclass(frozen=True)
class Score:
    """One tag of a document; `calculation` is there for whoever may see it."""

    tag: str
    title: str
    group: str
    probability: float
    selected: bool
    calculation: Calculation | None = None


def scores_of(record: Record) -> list[Score]:
    """Return all scores of a record, selected ones first, then by probability."""
    titles, groups = record.get("titles") or {}, record.get("groups") or {}
    chosen = set(record.get("tags") or ())
    calculations = {one.tag: one for one in calculations_of(record)}
    found = [
        Score(tag, titles.get(tag) or tag, groups.get(tag) or "tag", float(share), tag in chosen, calculations.get(tag))
        for tag, share in _shares(record).items()
    ]
    return sorted(found, key=lambda score: (not score.selected, -score.probability, score.tag))


def _shares(record: Record) -> Mapping[str, Any]:
    return {tag: share for tag, share in (record.get("score") or {}).items() if share is not None}
