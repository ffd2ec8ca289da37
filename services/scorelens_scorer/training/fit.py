"""Fitting linear models: one sigmoid per tag, calibrated and with a threshold on documents kept aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve, roc_auc_score
from threadpoolctl import threadpool_limits

from scorelens_scorer.calculations import sigmoid
from scorelens_scorer.features import Features
from scorelens_scorer.model import Floats
from scorelens_scorer.tags import Tag
from scorelens_scorer.training.examples import Examples

SEED: Final = 20


@dataclass(frozen=True)
class Fitted:
    """One tag: its coefficients (features,) and intercept, calibrated, its threshold, and the strength that was chosen.

    The calibration (Platt's: slope and offset of the margin, learned on documents kept aside) is folded into
    coefficients and intercept, so that one sigmoid remains.
    """

    weights: Floats
    intercept: float
    threshold: float
    strength: float


def fit(
    features: Features, learn: Examples, aside: Examples, tags: list[Tag], strength: float
) -> tuple[Floats, Floats, list[Tag]]:
    """Return coefficients (features, tags), intercepts (tags,), and the tags with their thresholds."""
    with threadpool_limits(1):  # more threads than idle cores only wait for one another
        known, unseen = features.matrix(learn.documents), features.matrix(aside.documents)
        fitted = [fit_tag(known, learn.having(tag.id), unseen, aside.having(tag.id), (strength,)) for tag in tags]
    chosen = [Tag(tag.id, tag.title, tag.group, one.threshold) for tag, one in zip(tags, fitted, strict=True)]
    coefficients = np.ascontiguousarray(np.array([one.weights for one in fitted]).T)
    return coefficients, np.array([one.intercept for one in fitted]), chosen


def fit_tag(known: Any, has: Any, unseen: Any, truth: Any, strengths: Sequence[float]) -> Fitted:
    """Learn one tag from feature values `known` (documents, features) and who `has` it.

    `unseen` and `truth` are the same of the documents kept aside: they calibrate, give the threshold, and choose among
    `strengths`, the inverse of the regularisation, by the log loss.
    """
    candidates = [_candidate(known, has, unseen, truth, strength) for strength in strengths]
    _, best = min(candidates, key=lambda candidate: candidate[0])
    return best


def _candidate(known: Any, has: Any, unseen: Any, truth: Any, strength: float) -> tuple[float, Fitted]:
    weights, start = _separate(known, has, strength)
    slope, offset = _calibrate(unseen @ weights + start, truth)
    weights, intercept = weights * slope, start * slope + offset
    chances = sigmoid(unseen @ weights + intercept)
    return _loss(chances, truth), Fitted(weights, intercept, best_threshold(chances, truth), strength)


def _loss(chances: Floats, truth: Any) -> float:
    likely = np.clip(np.where(truth, chances, 1 - chances), 1e-12, 1)
    return float(-np.log(likely).mean())


def best_threshold(chances: Floats, truth: Any) -> float:
    """Return the threshold nearest to one half among those whose F1 is as good as the best, give or take 0.5 %."""
    precision, recall, thresholds = precision_recall_curve(truth, chances)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    good = thresholds[f1[:-1] >= 0.995 * f1.max()]
    return round(float(good[np.argmin(np.abs(good - 0.5))]), 3)


def quality(chances: Floats, tags: list[Tag], test: Examples) -> dict[str, dict[str, float]]:
    """Measure each tag on documents that neither fitting nor calibration saw."""
    figures = {}
    for place, tag in enumerate(tags):
        truth, said = test.having(tag.id), chances[:, place] >= tag.threshold
        right = int((truth & said).sum())
        figures[tag.id] = {
            "share": round(float(truth.mean()), 4),
            "precision": round(right / max(1, int(said.sum())), 4),
            "recall": round(right / max(1, int(truth.sum())), 4),
            "auc": round(float(roc_auc_score(truth, chances[:, place])), 4),
        }
    return figures


def _separate(matrix: Any, truth: Any, strength: float) -> tuple[Floats, float]:
    dual = matrix.shape[0] < matrix.shape[1]  # twice as fast where there are more features than documents
    fitted = LogisticRegression(
        solver="liblinear", dual=dual, C=strength, tol=1e-2, max_iter=1000, random_state=SEED
    ).fit(matrix, truth)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _calibrate(margins: Floats, truth: Any) -> tuple[float, float]:
    """Return slope and offset; as Platt has it, no document is taken as wholly certain, which matters for few."""
    having, lacking = int(truth.sum()), int((~truth).sum())
    likely = np.where(truth, (having + 1) / (having + 2), 1 / (lacking + 2))
    both = np.concatenate([margins, margins])[:, None]
    answers = np.repeat([True, False], len(margins))
    weights = np.concatenate([likely, 1 - likely])
    fitted = LogisticRegression(C=1e3, random_state=SEED).fit(both, answers, weights)
    slope = float(fitted.coef_[0, 0])
    return (slope, float(fitted.intercept_[0])) if slope > 0 else (1.0, 0.0)
