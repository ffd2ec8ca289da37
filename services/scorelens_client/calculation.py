"""A calculation as a person reads it: rows of a sum that end in the margin, the probability and the decision."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scorelens_client.terminal import clean

BAR = 20
SUM_TOLERANCE = 1e-6
LINK_TOLERANCE = 1e-6
EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Term:
    """What one feature adds to the margin; value and coefficient are None for sums of others."""

    feature: str
    contribution: float
    value: float | None = None
    coefficient: float | None = None


@dataclass(frozen=True)
class Explained:
    """One tag's calculation: the terms by size of their contribution, and what they lead to."""

    tag: str
    title: str
    explanation: str
    intercept: float
    terms: Sequence[Term]
    remainder: float
    remainder_terms: int
    margin: float
    link: str
    link_parameters: Mapping[str, float]
    probability: float
    threshold: float
    selected: bool
    intermediates: Mapping[str, float]

    @property
    def sum(self) -> float:
        """Return what the parts add up to, here and now."""
        return math.fsum((self.intercept, self.remainder, *(term.contribution for term in self.terms)))

    @property
    def adds_up(self) -> bool:
        """Tell whether the parts add up to the margin, within rounding."""
        return abs(self.sum - self.margin) <= SUM_TOLERANCE * max(1.0, abs(self.margin))

    @property
    def linked(self) -> float | None:
        """Return the link function of the margin; None for a link that is not known here."""
        if self.link == "identity":
            return self.margin
        if self.link != "sigmoid":
            return None
        return sigmoid(self.link_parameters.get("slope", 1.0) * self.margin + self.link_parameters.get("offset", 0.0))


def sigmoid(margin: float) -> float:
    """Return 1 / (1 + exp(-margin)), without overflow."""
    if margin >= 0:
        return 1 / (1 + math.exp(-margin))
    return math.exp(margin) / (1 + math.exp(margin))


def explained(record: Mapping[str, Any]) -> list[Explained]:
    """Return the calculations of a record, the most probable tag first."""
    titles = record.get("titles") or {}
    found = [_read(part, titles) for part in record.get("calculation") or ()]
    return sorted(found, key=lambda one: -one.probability)


def table(one: Explained, width: int, most: int | None = None) -> RenderableType:
    """Lay a calculation out as a sum; with `most`, the terms after so many are drawn together."""
    shown = one.terms if most is None else one.terms[:most]
    later = one.terms[len(shown) :]
    rows = [Term("(intercept)", one.intercept), *shown]
    rest = one.remainder_terms + len(later)
    if rest or one.remainder:
        left = math.fsum((one.remainder, *(term.contribution for term in later)))
        rows.append(Term(f"({rest:,} more term{'s' if rest != 1 else ''})", left))
    below: list[RenderableType] = [_sum(one, rows, width), *_conclusion(one)]
    return Group(_heading(one), *(Padding(part, (0, 0, 0, 2), expand=False) for part in below))


def bar(value: float, scale: float, width: int = BAR) -> Text:
    """Draw a number as a bar from the middle: to the right what speaks for the tag, to the left what speaks against."""
    half = width // 2
    length = min(abs(value) / scale, 1.0) * half if scale > 0 and math.isfinite(value) else 0.0
    whole, part = int(length), round((length - int(length)) * 8)
    if value >= 0:
        drawn = "█" * whole + (EIGHTHS[part] if part else "")
        return Text(" " * half + "│" + drawn.ljust(half), style="green")
    drawn = ("▐" if part >= 4 else "") + "█" * whole
    return Text(drawn.rjust(half) + "│" + " " * half, style="red")


def _heading(one: Explained) -> Text:
    heading = Text()
    heading.append(clean(one.title), "bold")
    if one.title.lower() != one.tag:
        heading.append(f"  {one.tag}", "dim")
    heading.append(f"  {one.probability:.1%}", "bold green" if one.selected else "bold")
    heading.append(f"  {'selected' if one.selected else 'not selected'} (threshold {one.threshold:.1%})")
    return heading


def _sum(one: Explained, rows: Sequence[Term], width: int) -> Table:
    with_bar = width >= 72
    scale = max((abs(row.contribution) for row in rows if row.value is not None), default=0.0)
    grid = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 2, 0, 0))
    grid.add_column("feature", ratio=1, overflow="fold", max_width=max(width - 42 - (BAR + 3) * with_bar, 16))
    for name in ("value", "coefficient", "adds"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("", no_wrap=True)
    weighted = any(row.coefficient for row in rows)
    for row in rows:
        feature = Text(clean(row.feature), "dim" if row.value is None else "")
        drawn = bar(row.contribution, scale) if with_bar and row.value is not None else None
        grid.add_row(
            feature,
            _number(row.value),
            _number(row.coefficient if weighted else None),
            f"{row.contribution:+.4f}",
            drawn,
        )
    grid.add_row(_sum_label(one), "", "", Text(f"{one.sum:+.4f}", "bold"))
    return grid


def _sum_label(one: Explained) -> Text:
    if one.adds_up:
        return Text("sum = margin", "bold")
    if one.explanation == "exact":
        return Text(f"sum ≠ margin {one.margin:+.4f}", "bold red")
    return Text("sum", "bold")


def _conclusion(one: Explained) -> Iterator[Text]:
    if one.explanation == "exact" and not one.adds_up:
        yield Text(f"does not add up: the sum {one.sum!r} is not the margin {one.margin!r}", "bold red")
    elif not one.adds_up:
        yield Text(f"the margin is {one.margin:+.4f}: these terms explain it, but not exactly", "dim")
    linked = one.linked
    own = "" if linked is not None else " (a link of the model's own)"
    yield Text(f"probability = {clean(one.link)}({_inside_link(one)}) = {one.probability:.4f}{own}")
    if linked is not None and abs(linked - one.probability) > LINK_TOLERANCE:
        yield Text(f"does not add up: {one.link} of the margin is {linked:.6f}", "bold red")
    reached = one.probability >= one.threshold
    verdict = "selected" if one.selected else "not selected"
    style = "" if reached == one.selected else "bold red"
    yield Text(f"{one.probability:.4f} {'≥' if reached else '<'} threshold {one.threshold:.4f}: {verdict}", style)
    if one.intermediates:
        values = ", ".join(f"{clean(name)} {value:.4g}" for name, value in sorted(one.intermediates.items()))
        yield Text(f"on the way: {values}", "dim")


def _inside_link(one: Explained) -> str:
    if one.link != "sigmoid" or not one.link_parameters:
        return f"{one.margin:+.4f}"
    slope, offset = one.link_parameters.get("slope", 1.0), one.link_parameters.get("offset", 0.0)
    return f"{slope:.4g} × {one.margin:+.4f} {'-' if offset < 0 else '+'} {abs(offset):.4g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _read(part: Mapping[str, Any], titles: Mapping[str, str]) -> Explained:
    columns = [part.get(name) or [] for name in ("feature", "contribution", "value", "coefficient")]
    terms = [Term(*row) for row in zip(*columns, strict=False)]
    tag = str(part.get("tag", ""))
    return Explained(
        tag=tag,
        title=titles.get(tag) or tag,
        explanation=str(part.get("explanation", "none")),
        intercept=_float(part, "intercept"),
        terms=sorted(terms, key=lambda term: -abs(term.contribution)),
        remainder=_float(part, "remainder"),
        remainder_terms=int(part.get("remainder_terms") or 0),
        margin=_float(part, "margin"),
        link=str(part.get("link") or "identity"),
        link_parameters=part.get("link_parameters") or {},
        probability=_float(part, "probability"),
        threshold=_float(part, "threshold"),
        selected=bool(part.get("selected")),
        intermediates=part.get("intermediates") or {},
    )


def _float(part: Mapping[str, Any], name: str) -> float:
    value = part.get(name)
    return math.nan if value is None else float(value)
