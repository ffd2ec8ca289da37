"""Fitting linear models: one sigmoid per tag, calibrated and with a threshold on documents kept aside."""

from __future__ import annotations

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


def fit(
    features: Features, learn: Examples, aside: Examples, tags: list[Tag], strength: float
) -> tuple[Floats, Floats, list[Tag]]:
    """Return coefficients (features, tags), intercepts (tags,), and the tags with their thresholds.

    `strength` is the inverse of the regularisation. The calibration (Platt's: slope and offset of the margin, learned
    on the documents kept aside) is folded into coefficients and intercept, so that one sigmoid remains.
    """
    with threadpool_limits(1):  # more threads than idle cores only wait for one another
        return _fit(features, learn, aside, tags, strength)


def _fit(
    features: Features, learn: Examples, aside: Examples, tags: list[Tag], strength: float
) -> tuple[Floats, Floats, list[Tag]]:
    known, unseen = features.matrix(learn.documents), features.matrix(aside.documents)
    columns, intercepts, chosen = [], [], []
    for tag in tags:
        truth = aside.having(tag.id)
        weights, start = _separate(known, learn.having(tag.id), strength)
        slope, offset = _calibrate(unseen @ weights + start, truth)
        columns.append(weights * slope)
        intercepts.append(start * slope + offset)
        chances = sigmoid(unseen @ columns[-1] + intercepts[-1])
        chosen.append(Tag(tag.id, tag.title, tag.group, best_threshold(chances, truth)))
    return np.ascontiguousarray(np.array(columns).T), np.array(intercepts), chosen


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
    fitted = LogisticRegression(C=1e3, random_state=SEED).fit(margins[:, None], truth)
    slope = float(fitted.coef_[0, 0])
    return (slope, float(fitted.intercept_[0])) if slope > 0 else (1.0, 0.0)
