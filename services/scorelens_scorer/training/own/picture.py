"""The picture of a model: for each tag how far its probabilities hold, and what each threshold would give."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any, Final

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from scorelens.tag_names import tag_id
from scorelens_scorer.training.own.measuring import TagQuality, curves, wilson
from scorelens_scorer.training.own.training import Outcome

MOST: Final = 24
"""Tags in the picture: those with the most held-out examples."""

BLUE, ORANGE, GREY, LIGHT = "#0063a6", "#c8500a", "#555555", "#c9dcea"
LONGEST: Final = 34


def picture(outcome: Outcome) -> bytes:
    """Return a PNG: two plots per tag, two tags per row."""
    names = [tag.id for tag in outcome.model.tags]
    shown = sorted(names, key=lambda tag: -outcome.quality[tag].having)[:MOST]
    across = min(2, len(shown))
    rows = -(-len(shown) // across)
    figure = Figure(figsize=(6.4 * across, 2.9 * rows + 0.9), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    axes = np.atleast_2d(figure.subplots(rows, 2 * across, squeeze=False))
    for place, tag in enumerate(shown):
        row, column = divmod(place, across)
        chances = outcome.chances[:, names.index(tag)]
        _calibration(axes[row][2 * column], tag, outcome.quality[tag])
        _thresholds(axes[row][2 * column + 1], chances, outcome.held_out.having(tag), outcome.quality[tag])
    for spare in axes.ravel()[2 * len(shown) :]:
        spare.set_axis_off()
    left = f" (the {MOST} most frequent of {len(names)} tags)" if len(names) > MOST else ""
    title = f"{outcome.model.id} {outcome.model.version}: {outcome.sizes['held_out']:,} held-out rows{left}"
    figure.suptitle(title, fontsize=11, parse_math=False)
    made = BytesIO()
    figure.savefig(made, format="png")
    return made.getvalue()


def _calibration(axes: Any, tag: str, figures: TagQuality) -> None:
    bins = [one for one in figures.bins if one.count]
    largest = max(one.count for one in bins)
    middles = [(place + 0.5) / len(figures.bins) for place, one in enumerate(figures.bins) if one.count]
    axes.bar(middles, [0.3 * one.count / largest for one in bins], width=0.09, color=LIGHT, zorder=0)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    bounds = [wilson(round(one.seen * one.count), one.count) for one in bins]
    axes.vlines([one.said for one in bins], *zip(*bounds, strict=True), color=BLUE, linewidth=0.8, alpha=0.6)
    axes.plot([one.said for one in bins], [one.seen for one in bins], "o-", color=BLUE, markersize=4, linewidth=1.4)
    axes.set_title(_label(tag), fontsize=10, fontweight="bold", parse_math=False)
    axes.set_ylabel("share that has the tag", fontsize=8)
    axes.set_xlabel(f"probability (calibration error {figures.calibration_error:.3f})", fontsize=8)
    _square(axes)


def _thresholds(axes: Any, chances: Any, truth: Any, figures: TagQuality) -> None:
    thresholds, precision, recall = curves(chances, truth)
    axes.plot(thresholds, precision, color=BLUE, linewidth=1.4, label="precision")
    axes.plot(thresholds, recall, color=ORANGE, linewidth=1.4, label="recall")
    axes.axvline(figures.threshold, color=GREY, linewidth=0.9, linestyle="--")
    axes.axhline(figures.share, color=GREY, linewidth=0.6, linestyle=":")
    axes.set_title(f"F1 {figures.f1:.2f}   AUC {figures.auc:.3f}   {figures.having:,} have it", fontsize=8.5)
    axes.set_xlabel(f"threshold (in use: {figures.threshold:.2f})", fontsize=8)
    axes.legend(loc="lower center", fontsize=7.5, frameon=False, ncols=2)
    _square(axes)


def _square(axes: Any) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    axes.tick_params(labelsize=7.5)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _label(tag: str) -> str:
    """Return the name of a tag, or its id where the font has no signs for the name."""
    name = tag if _drawable(tag) else tag_id(tag)
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _drawable(text: str) -> bool:
    return text.isprintable() and all(ord(character) in _signs() for character in text)


@cache
def _signs() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap())
