"""Every score that a document got, side by side by version of the model (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scorelens_console.core.scores import Score, scores_of
from scorelens_store.contract import Record


@dataclass(frozen=True)
class Scored:
    """One record of the document, with its scores."""

    record: Record
    scores: Sequence[Score]
    is_this: bool

    @property
    def id(self) -> str:
        """Return the id of the record."""
        return str(self.record["record"]["id"])

    @property
    def version(self) -> str:
        """Return the version of the model."""
        return str((self.record.get("model") or {}).get("version", ""))

    @property
    def chosen(self) -> list[Score]:
        """Return the tags that it was given."""
        return [score for score in self.scores if score.selected]


@dataclass(frozen=True)
class Cell:
    """A tag by one version: its score, and how it differs from the one that the page is about."""

    score: Score | None
    probability_change: float | None = None
    margin_change: float | None = None

    @property
    def changes(self) -> bool:
        """Tell whether it differs so that one can see it."""
        return self.probability_change is not None and abs(self.probability_change) >= 0.0005


@dataclass(frozen=True)
class Line:
    """A tag by each version; `turns` tells whether they disagree on giving it."""

    tag: str
    title: str
    cells: Sequence[Cell]
    turns: bool


@dataclass(frozen=True)
class Comparison:
    """The versions of one model, the one that the page is about first, and a line for each tag."""

    model: str
    versions: Sequence[Scored]
    lines: Sequence[Line]


def scored(records: Iterable[Record], this: str) -> list[Scored]:
    """Return the records of a document with their scores, the newest first."""
    ordered = sorted(records, key=lambda record: str(record["@timestamp"]), reverse=True)
    return [Scored(record, scores_of(record), record["record"]["id"] == this) for record in ordered]


def compared(history: Sequence[Scored]) -> list[Comparison]:
    """Put the latest score by each version of each model side by side, the page's own first."""
    first = sorted(history, key=lambda one: not one.is_this)
    by_model: dict[str, dict[str, Scored]] = {}
    for one in first:
        own = by_model.setdefault(str((one.record.get("model") or {}).get("id", "")), {})
        own.setdefault(one.version, one)
    return [Comparison(model, list(own.values()), _lines(list(own.values()))) for model, own in by_model.items()]


def _lines(versions: Sequence[Scored]) -> list[Line]:
    tables = [{score.tag: score for score in one.scores} for one in versions]
    tags = {score.tag: score.title for one in versions for score in one.scores}
    lines = []
    for tag, title in tags.items():
        base = tables[0].get(tag)
        cells = [Cell(base), *(_cell(table.get(tag), base) for table in tables[1:])]
        given = {cell.score.selected if cell.score else None for cell in cells}
        lines.append(Line(tag, title, cells, len(given) > 1))
    return sorted(lines, key=lambda line: not any(cell.score and cell.score.selected for cell in line.cells))


def _cell(score: Score | None, base: Score | None) -> Cell:
    if score is None or base is None:
        return Cell(score)
    return Cell(score, _difference(score.probability, base.probability), _difference(score.margin, base.margin))


def _difference(one: Any, other: Any) -> float | None:
    if one is None or other is None or not math.isfinite(one - other):
        return None
    return float(one - other)
