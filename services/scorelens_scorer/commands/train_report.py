"""What `scorelens train` prints for people: figures as bars, calibration as steps, and the strongest words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scorelens_runtime.terminal import clean
from scorelens_scorer.training.own.card import interval, number, percent, weak
from scorelens_scorer.training.own.measuring import Bin, is_chance
from scorelens_scorer.training.own.reading import ACTIVITY
from scorelens_scorer.training.own.training import Outcome

EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
STEPS: Final = "▁▂▃▄▅▆▇█"
BAR: Final = 10
NAMED: Final = 8
LONGEST: Final = 27
ROOMY, WIDE = 112, 140
"""Columns from which a terminal shows thresholds and longer bars, and the intervals of precision and recall."""


def print_report(console: Console, outcome: Outcome) -> None:
    """Print what was learned and how good it is."""
    _print_rows(console, outcome)
    rows = f"{outcome.sizes['held_out']:,}"
    console.print(f"\nOn {rows} held-out rows that it did not learn from (95 % intervals in brackets)\n", style="bold")
    console.print(_figures(outcome, console.width))
    _print_doubts(console, outcome)
    console.print("\nBeside knowing nothing of a row, and how far the probabilities hold\n", style="bold")
    console.print(_baselines(outcome, console.width))
    _print_together(console, outcome)
    console.print("\nStrongest features\n", style="bold")
    console.print(_words(outcome, console.width))


def _print_rows(console: Console, outcome: Outcome) -> None:
    counts, sizes = outcome.counts, outcome.sizes
    used = sum(sizes.values())
    console.print(
        f"{counts.rows:,} rows, {used:,} used: {sizes['learn']:,} to learn from, {sizes['calibrate']:,} to calibrate "
        f"on, {sizes['held_out']:,} held out"
    )
    same = "customer" if outcome.kind == ACTIVITY else "text"
    if counts.duplicates:
        odd = f"; {said(counts.conflicts, 'has', 'have')} different tags in different rows" if counts.conflicts else ""
        repeat = said(counts.duplicates, "row repeats", "rows repeat")
        console.print(f"{repeat} a {same}; all rows of one {same} are in one part{odd}")
    if counts.not_sampled:
        left = said(counts.not_sampled, "row was", "rows were")
        console.print(f"{left} left out by the sample that fits into memory (--rows)")
    if counts.empty:
        silent = said(counts.empty, "row says nothing and was", "rows say nothing and were")
        console.print(f"{silent} left out", style="yellow")
    if counts.unreadable:
        unusable = said(counts.unreadable, "row cannot be used:", "rows cannot be used, such as")
        console.print(f"{unusable} {clean(counts.first)}", style="yellow", soft_wrap=True)
    for hint in counts.hints:
        console.print(clean(hint), style="yellow", soft_wrap=True)
    for tag, reason in list(outcome.left_out.items())[:NAMED]:
        console.print(f"tag {_name(tag)} is left out: {reason}", style="yellow")
    if len(outcome.left_out) > NAMED:
        console.print(f"{len(outcome.left_out) - NAMED:,} more tags are left out; see the card", style="yellow")


def said(count: int, one: str, many: str) -> str:
    """Return a number and what is said of it."""
    return f"{count:,} {one if count == 1 else many}"


def _print_doubts(console: Console, outcome: Outcome) -> None:
    doubts = {
        "no better than chance on these rows": is_chance,
        "fewer than 30 of these rows have it, so that its figures are hints": weak,
    }
    lines = []
    for text, doubtful in doubts.items():
        tags = [_name(tag) for tag, figures in outcome.quality.items() if doubtful(figures)]
        if tags:
            more = f" and {len(tags) - NAMED:,} more" if len(tags) > NAMED else ""
            lines.append(f"{text}: {', '.join(tags[:NAMED])}{more}")
    if lines:
        console.print("\n" + "\n".join(lines), style="yellow", soft_wrap=True)


def _figures(outcome: Outcome, width: int) -> Table:
    roomy, wide = width >= ROOMY, width >= WIDE
    table = _table(width, ("tag", "left"), ("have it", "right"), *([("threshold", "right")] if roomy else []))
    for name in ("precision", "recall", "F1"):
        table.add_column(name, no_wrap=True)
    table.add_column("AUC", justify="right", no_wrap=True)
    for tag, figures in outcome.quality.items():
        length = BAR if roomy else BAR // 2
        table.add_row(
            _name(tag, width),
            Text(f"{figures.having:,}", "yellow" if weak(figures) else ""),
            *([number(figures.threshold)] if roomy else []),
            _bar(figures.precision, length, figures.precision_interval if wide else None),
            _bar(figures.recall, length, figures.recall_interval if wide else None),
            _bar(figures.f1, length, figures.f1_interval),
            f"{figures.auc:.3f}",
        )
    return table


def _baselines(outcome: Outcome, width: int) -> Table:
    names = ("accuracy", "majority", "F1", "always", "Brier", "share")
    table = _table(width, ("tag", "left"), *((name, "right") for name in names))
    table.add_column("0 … 100 %", no_wrap=True)
    table.add_column("error", justify="right", no_wrap=True)
    for tag, figures in outcome.quality.items():
        table.add_row(
            _name(tag, width),
            percent(figures.accuracy),
            Text(percent(figures.majority), "dim"),
            number(figures.f1),
            Text(number(figures.always_f1), "dim"),
            f"{figures.brier:.3f}",
            Text(f"{figures.base_brier:.3f}", "dim"),
            steps(figures.bins),
            f"{figures.calibration_error:.3f}",
        )
    return table


def _print_together(console: Console, outcome: Outcome) -> None:
    found = outcome.one_of_many
    if found:
        console.print(
            f"\nEach row has one tag: the likeliest is right for {percent(found.right)} of the rows; always saying "
            f"{_name(found.most_frequent)} is right for {percent(found.majority)}"
        )
    console.print(
        "\nmajority: always the more frequent answer; always: always saying that the tag is there; share: always the "
        "tag's share as probability. The steps are the share of rows that have the tag, for each tenth of probability "
        "(· none there); they rise evenly where probabilities hold; error is the calibration error.",
        style="dim",
    )


def _words(outcome: Outcome, width: int) -> Table:
    table = _table(width, ("tag", "left"))
    table.add_column("for it", ratio=1, overflow="fold")
    table.add_column("against it", ratio=1, overflow="fold")
    table.expand = True
    for tag, (speaking, against) in outcome.words.items():
        table.add_row(_name(tag, width), _listed(speaking), _listed(against))
    return table


def steps(bins: Sequence[Bin]) -> str:
    """Return the share seen in each tenth of the probability as the height of a block; a dot for none there."""
    return "".join(STEPS[min(7, int(one.seen * 8))] if one.count else "·" for one in bins)


def bar(value: float, width: int = BAR) -> str:
    """Return a bar of a value from 0 to 1."""
    eighths = round(value * width * 8)
    return (EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()).ljust(width)


def _bar(value: float | None, length: int, bounds: tuple[float, float] | None) -> Text:
    text = Text(number(value) + " ")
    text.append(bar(value or 0.0, length), "cyan")
    if bounds:
        text.append(f" {interval(bounds)}", "dim")
    return text


def _listed(names: Sequence[str]) -> str:
    return clean(" · ".join(names))


def _name(tag: str, width: int = WIDE) -> str:
    shown, most = clean(tag), LONGEST if width >= WIDE else LONGEST * 3 // 4
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _table(width: int, *columns: tuple[str, str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2 if width >= ROOMY else 1, 0, 0))
    for name, side in columns:
        table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    return table
