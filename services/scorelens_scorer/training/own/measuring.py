"""How good a model is, on documents that it did not learn from, beside what knows nothing of a document."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from scorelens_scorer.model import Floats
from scorelens_scorer.tags import Tag
from scorelens_scorer.training.examples import Examples

BINS: Final = 10
DRAWS: Final = 1000
Z: Final = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""

Truth = npt.NDArray[np.bool_]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Bin:
    """Documents whose probability is in one tenth: how many, their mean probability, and the share that has the tag."""

    count: int
    said: float
    seen: float


@dataclass(frozen=True)
class TagQuality:
    """The figures of one tag; intervals hold 95 %. None stands for a figure that nothing can be said of.

    `majority` is the accuracy of always giving the more frequent answer, `always_f1` the F1 of always saying that the
    tag is there, `base_brier` the Brier score of always giving the share as probability.
    """

    having: int
    share: float
    threshold: float
    precision: float | None
    precision_interval: Interval
    recall: float
    recall_interval: Interval
    f1: float
    f1_interval: Interval
    always_f1: float
    auc: float
    accuracy: float
    majority: float
    brier: float
    base_brier: float
    calibration_error: float
    bins: tuple[Bin, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the figures, rounded to what they can bear."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class OneOfMany:
    """How often the likeliest tag is the right one, where each document has exactly one; and the most frequent one."""

    count: int
    right: float
    majority: float
    most_frequent: str

    def as_json(self) -> dict[str, Any]:
        """Return the figures."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def measure(chances: Floats, tags: Sequence[Tag], held_out: Examples) -> dict[str, TagQuality]:
    """Return the figures of each tag, given the probabilities (documents, tags)."""
    return {tag.id: _quality(chances[:, place], held_out.having(tag.id), tag) for place, tag in enumerate(tags)}


def is_chance(figures: TagQuality) -> bool:
    """Tell whether the order of the probabilities is no better than what chance gives 39 times in 40."""
    having = figures.having
    others = having / figures.share - having
    return figures.auc <= 0.5 + Z * math.sqrt((having + others + 1) / (12 * having * others))


def one_of_many(chances: Floats, tags: Sequence[Tag], held_out: Examples) -> OneOfMany | None:
    """Return how often the likeliest tag is right; None where documents have no or several tags."""
    names = [tag.id for tag in tags]
    known = [own & frozenset(names) for own in held_out.truth]
    if len(names) < 2 or any(len(own) > 1 for own in known):
        return None
    right_ones = [next(iter(own), "") for own in known]
    rows = [row for row, name in enumerate(right_ones) if name]
    if len(rows) < len(known):
        return None
    likeliest = chances[rows].argmax(axis=1).tolist()
    right = sum(names[place] == right_ones[row] for place, row in zip(likeliest, rows, strict=True))
    name, count = Counter(right_ones).most_common(1)[0]
    return OneOfMany(len(rows), right / len(rows), count / len(rows), name)


def curves(chances: Floats, truth: Truth, points: int = 200) -> tuple[Floats, Floats, Floats]:
    """Return thresholds, and precision (NaN where nothing is selected) and recall at each."""
    thresholds = np.linspace(0, 1, points + 1)
    all_sorted, having = np.sort(chances), np.sort(chances[truth])
    selected = len(chances) - np.searchsorted(all_sorted, thresholds)
    found = len(having) - np.searchsorted(having, thresholds)
    with np.errstate(invalid="ignore"):
        return thresholds, np.where(selected, found / np.maximum(selected, 1), np.nan), found / max(len(having), 1)


def _quality(chances: Floats, truth: Truth, tag: Tag) -> TagQuality:
    said = chances >= tag.threshold
    right, selected, having, count = int((truth & said).sum()), int(said.sum()), int(truth.sum()), len(truth)
    share = having / count
    return TagQuality(
        having=having,
        share=share,
        threshold=tag.threshold,
        precision=right / selected if selected else None,
        precision_interval=wilson(right, selected),
        recall=right / having,
        recall_interval=wilson(right, having),
        f1=_f1(right, selected, having),
        f1_interval=_f1_interval(right, selected, having, count),
        always_f1=2 * share / (1 + share),
        auc=float(roc_auc_score(truth, chances)),
        accuracy=float((said == truth).mean()),
        majority=max(share, 1 - share),
        brier=float(((chances - truth) ** 2).mean()),
        base_brier=share * (1 - share),
        calibration_error=calibration_error(chances, truth),
        bins=_bins(chances, truth),
    )


def wilson(right: int, count: int) -> Interval:
    """Return Wilson's interval of a proportion; everything where there is nothing to count."""
    if not count:
        return 0.0, 1.0
    share, spread = right / count, Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def calibration_error(chances: Floats, truth: Truth) -> float:
    """Return the expected calibration error over ten groups of equal size."""
    order = np.argsort(chances, kind="stable")
    groups = [group for group in np.array_split(order, BINS) if len(group)]
    gaps = [abs(float(chances[group].mean() - truth[group].mean())) * len(group) for group in groups]
    return sum(gaps) / len(chances)


def _f1(right: int, selected: int, having: int) -> float:
    return 2 * right / max(1, selected + having)


def _f1_interval(right: int, selected: int, having: int, count: int) -> Interval:
    """Return the bootstrap's interval: documents drawn anew are counts drawn anew."""
    outcomes = np.array([right, selected - right, having - right, count - selected - having + right])
    draws = np.random.default_rng(0).multinomial(count, outcomes / count, DRAWS)
    values = 2 * draws[:, 0] / np.maximum(1, 2 * draws[:, 0] + draws[:, 1] + draws[:, 2])
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _bins(chances: Floats, truth: Truth) -> tuple[Bin, ...]:
    places = np.minimum((chances * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(int(own.sum()), float(chances[own].mean()), float(truth[own].mean())) if own.any() else Bin(0, 0.0, 0.0)
        for own in (places == place for place in range(BINS))
    )


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 4)
        case dict():
            return {name: _rounded(part) for name, part in value.items()}
        case list() | tuple():
            return [_rounded(part) for part in value]
        case _:
            return value
