"""Calculations out of what a model has: a linear model's features, or contributions from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
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
    choice = _Choice(*total.shape)
    for row, (start, end) in enumerate(pairwise(matrix.indptr.tolist())):
        weights = coefficients[matrix.indices[start:end]]
        choice.add(row, start, np.multiply(weights.T, matrix.data[start:end], order="C"), terms)
    columns, values = matrix.indices[choice.places], matrix.data[choice.places]
    weights = coefficients[columns, choice.tags]
    made = Calculations(
        Explanation.EXACT,
        intercepts,
        margins,
        features=features[columns].tolist(),
        values=values,
        coefficients=weights,
        **choice.terms(values * weights, total),
    )
    return Scoring(sigmoid(margins), made)


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
    choice = _Choice(documents, tags)
    used = np.any(added != 0, axis=1).reshape(documents, width)
    for row in range(documents):
        columns = np.flatnonzero(used[row])
        choice.add(row, 0, added[row][:, columns], terms, columns)
    rows, columns = choice.rows, choice.places
    made = Calculations(
        explanation,
        np.broadcast_to(np.asarray(intercepts, float), (documents, tags)),
        chances if margins is None else np.asarray(margins, float),
        link,
        features=[features[column] for column in columns.tolist()],
        values=seen[rows, columns],
        coefficients=np.zeros(len(columns)),
        intermediates=intermediates or {},
        **choice.terms(added[rows, choice.tags, columns], added.sum(axis=2)),
    )
    return Scoring(chances, made)


def leading(contributions: Floats, terms: int) -> Whole:
    """Return the columns of contributions (tags, terms) with the largest size: (tags, leading terms), largest first."""
    size = np.abs(contributions)
    if terms >= size.shape[1]:
        return np.argsort(-size, axis=1, kind="stable")
    kept = np.argpartition(size, -terms, axis=1)[:, -terms:]
    tags = np.arange(len(size))[:, None]
    return kept[tags, np.argsort(-size[tags, kept], axis=1, kind="stable")]


class _Choice:
    """Collects which terms lead, one document after the other; then everything is picked from the batch at once."""

    def __init__(self, documents: int, tags: int) -> None:
        self._shape = documents, tags
        self._counts = np.zeros((documents, tags), np.intp)
        self._rest = np.zeros((documents, tags), np.intp)
        self._places: list[Whole] = []

    def add(self, row: int, start: int, contributions: Floats, terms: int, columns: Whole | None = None) -> None:
        """Choose among the contributions (tags, terms) of a document whose first term has the place `start`."""
        chosen = leading(contributions, terms)
        self._counts[row] = chosen.shape[1]
        self._rest[row] = contributions.shape[1] - chosen.shape[1]
        self._places.append((chosen + start if columns is None else columns[chosen]).ravel())

    @cached_property
    def places(self) -> Whole:
        """The places of all chosen terms, document by document and tag by tag."""
        return np.concatenate(self._places) if self._places else np.empty(0, np.intp)

    @cached_property
    def _cells(self) -> Whole:
        """Document and tag of each chosen term as one number."""
        return np.repeat(np.arange(self._counts.size), self._counts.ravel())

    @property
    def rows(self) -> Whole:
        """Document of each chosen term."""
        return self._cells // self._shape[1]

    @property
    def tags(self) -> Whole:
        """Tag of each chosen term."""
        return self._cells % self._shape[1]

    def terms(self, contributions: Floats, total: Floats) -> dict[str, Any]:
        """Return the fields of Calculations that say where each document's terms are, and what the others add."""
        led = np.bincount(self._cells, contributions, total.size).reshape(total.shape)
        return {
            "starts": np.concatenate(([0], np.cumsum(self._counts, axis=None))),
            "contributions": contributions,
            "remainders": np.where(self._rest, total - led, 0.0),
            "remainder_terms": self._rest,
        }
