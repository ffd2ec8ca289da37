"""Calculations out of what a model has: a linear model's features, or contributions from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scorelens_scorer.model import Calculations, Explanation, Floats, Scoring, Whole

__all__ = ["additive", "linear", "sigmoid"]


def sigmoid(margins: Floats) -> Floats:
    """Return 1 / (1 + exp(-margin)) without overflow."""
    small = np.exp(-np.abs(margins))
    return np.where(margins >= 0, 1.0, small) / (1.0 + small)


def linear(
    matrix: Any,
    coefficients: Floats,
    intercepts: Floats,
    features: npt.NDArray[np.object_],
    terms: int,
) -> Scoring:
    """Score feature values (documents, features), a SciPy CSR matrix, with one linear model and sigmoid per tag.

    `coefficients` is (features, tags), C-ordered; `intercepts` is (tags,); `features` has the names. Exact; terms are
    features with a value other than zero.
    """
    total = np.asarray(matrix @ coefficients)
    margins = total + intercepts
    if not terms:
        return Scoring(sigmoid(margins))
    parts = _Parts(total, Explanation.EXACT)
    for row in range(len(total)):
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        columns, values = matrix.indices[own], matrix.data[own]
        weights = coefficients[columns]
        contributions = weights * values[:, None]
        chosen = leading(contributions, terms)
        parts.add(row, contributions, chosen, columns[chosen], values[chosen], weights)
    return Scoring(sigmoid(margins), parts.calculations(intercepts, margins, features))


def additive(
    probabilities: npt.ArrayLike,
    contributions: npt.ArrayLike,
    features: Sequence[str],
    terms: int,
    *,
    values: npt.ArrayLike | None = None,
    intercepts: npt.ArrayLike = 0.0,
    margins: npt.ArrayLike | None = None,
    explanation: Explanation = Explanation.APPROXIMATE,
    link: str = "identity",
    intermediates: Mapping[str, Floats] | None = None,
) -> Scoring:
    """Score with contributions (documents, tags, features) that any other method found, such as SHAP values.

    `values` is (documents, features), the value of each feature. Terms are contributions other than zero. `margins`
    (documents, tags) are the probabilities where there are none; `intercepts` is (tags,) or (documents, tags).
    """
    chances = np.asarray(probabilities, float)
    if not terms:
        return Scoring(chances)
    added = np.asarray(contributions, float)
    documents, tags, width = added.shape
    seen = np.zeros((documents, width)) if values is None else np.asarray(values, float)
    parts = _Parts(added.sum(axis=2), explanation)
    for row in range(documents):
        columns = np.flatnonzero(added[row].any(axis=0))
        own = np.ascontiguousarray(added[row, :, columns])
        chosen = leading(own, terms)
        parts.add(row, own, chosen, columns[chosen], seen[row, columns][chosen], None)
    made = parts.calculations(
        np.broadcast_to(np.asarray(intercepts, float), (documents, tags)),
        chances if margins is None else np.asarray(margins, float),
        np.array(features, dtype=object),
        link=link,
        intermediates=intermediates or {},
    )
    return Scoring(chances, made)


def leading(contributions: Floats, terms: int) -> Whole:
    """Return the rows of contributions (terms, tags) with the largest size: (leading terms, tags), largest first."""
    size = np.abs(contributions)
    if terms < len(size):
        size = np.ascontiguousarray(size.T)
        kept = np.argpartition(size, -terms, axis=1)[:, -terms:]
        order = np.argsort(-np.take_along_axis(size, kept, 1), axis=1, kind="stable")
        return np.take_along_axis(kept, order, 1).T
    return np.argsort(-size, axis=0, kind="stable")


class _Parts:
    """Collects the terms of one document after the other."""

    def __init__(self, total: Floats, explanation: Explanation) -> None:
        documents, tags = total.shape
        self._total, self._explanation = total, explanation
        self._counts = np.zeros((documents, tags), np.intp)
        self._rest = np.zeros((documents, tags), np.intp)
        self._led = np.zeros((documents, tags))
        self._columns: list[Whole] = []
        self._values: list[Floats] = []
        self._coefficients: list[Floats] = []
        self._contributions: list[Floats] = []

    def add(
        self, row: int, contributions: Floats, chosen: Whole, columns: Whole, values: Floats, weights: Floats | None
    ) -> None:
        """Add the chosen terms (leading terms, tags) of one document."""
        self._counts[row] = len(chosen)
        self._rest[row] = len(contributions) - len(chosen)
        self._columns.append(columns.T.ravel())
        self._values.append(values.T.ravel())
        led = np.take_along_axis(contributions, chosen, 0)
        self._led[row] = led.sum(axis=0)
        self._contributions.append(led.T.ravel())
        if weights is not None:
            self._coefficients.append(np.take_along_axis(weights, chosen, 0).T.ravel())

    def calculations(
        self, intercepts: Floats, margins: Floats, names: npt.NDArray[np.object_], **others: Any
    ) -> Calculations:
        """Return what was collected, with the remainders."""
        starts = np.concatenate(([0], np.cumsum(self._counts, axis=None)))
        contributions = _joined(self._contributions)
        return Calculations(
            self._explanation,
            intercepts,
            margins,
            starts=starts,
            features=names[np.concatenate(self._columns)].tolist() if self._columns else (),
            values=_joined(self._values),
            coefficients=_joined(self._coefficients) if self._coefficients else np.zeros(len(contributions)),
            contributions=contributions,
            remainders=np.where(self._rest, self._total - self._led, 0.0),
            remainder_terms=self._rest,
            **others,
        )


def _joined(arrays: list[Floats]) -> Floats:
    return np.concatenate(arrays) if arrays else np.empty(0)
