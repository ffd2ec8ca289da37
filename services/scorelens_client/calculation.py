"""A calculation as a person reads it: rows of a sum that end in the margin, the probability and the decision."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scorelens_client.terminal import clean
from scorelens_reading.calculation import Calculation, Term, total

BAR = 20
LINK_TOLERANCE = 1e-6
EIGHTHS = " ▏▎▍▌▋▊▉█"


def table(one: Calculation, width: int, most: int | None = None) -> RenderableType:
    """Lay a calculation out as a sum; with `most`, the terms after so many are drawn together."""
    shown = one.terms if most is None else one.terms[:most]
    later = one.terms[len(shown) :]
    rows = [Term("(intercept)", one.intercept), *shown]
    rest = one.remainder_terms + len(later)
    if rest or one.remainder:
        left = total((one.remainder, *(term.contribution for term in later)))
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


def _heading(one: Calculation) -> Text:
    heading = Text()
    heading.append(clean(one.title), "bold")
    if one.title.lower() != one.tag:
        heading.append(f"  {one.tag}", "dim")
    heading.append(f"  {one.probability:.1%}", "bold green" if one.selected else "bold")
    heading.append(f"  {'selected' if one.selected else 'not selected'} (threshold {one.threshold:.1%})")
    return heading


def _sum(one: Calculation, rows: Sequence[Term], width: int) -> Table:
    with_bar = width >= 72
    sizes = (abs(row.contribution) for row in rows if row.value is not None)
    scale = max((size for size in sizes if math.isfinite(size)), default=0.0)
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


def _sum_label(one: Calculation) -> Text:
    if one.adds_up:
        return Text("sum = margin", "bold")
    if one.explanation == "exact":
        return Text(f"sum ≠ margin {one.margin:+.4f}", "bold red")
    return Text("sum", "bold")


def _conclusion(one: Calculation) -> Iterator[Text]:
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


def _inside_link(one: Calculation) -> str:
    if one.link != "sigmoid" or not one.link_parameters:
        return f"{one.margin:+.4f}"
    slope, offset = one.link_parameters.get("slope", 1.0), one.link_parameters.get("offset", 0.0)
    return f"{slope:.4g} × {one.margin:+.4f} {'-' if offset < 0 else '+'} {abs(offset):.4g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
