"""Calculations out of what a model has: a linear model's features, or contributions from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from scorelens_scorer.model import Calculations, Explanation, Floats, Scoring, Whole

__all__ = ["additive", "linear", "sigmoid"]

_SORTED_WHOLE: Final = 128
"""Terms up to which sorting all of them costs no more than first finding those that lead."""

_AT_ONCE: Final = 2**17
"""Contributions that are looked at together: about what a processor's cache holds."""


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
    counts = np.diff(matrix.indptr)
    choice = _Choice(counts, coefficients.shape[1], terms)
    for rows in _alike(counts, coefficients.shape[1]):
        width = np.arange(counts[rows].max())
        usable = width < counts[rows][:, None]
        places = np.where(usable, matrix.indptr[rows][:, None] + width, 0)
        added = coefficients[matrix.indices[places]] * matrix.data[places][:, :, None]
        choice.put(rows, leading(added.transpose(0, 2, 1), terms, usable))
    places = matrix.indptr[choice.rows] + choice.places
    columns, values = matrix.indices[places], matrix.data[places]
    weights = coefficients[columns, choice.tags]
    made = Calculations(
        Explanation.EXACT,
        intercepts,
        margins,
        features=features,  # type: ignore[arg-type]
        columns=columns,
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
    used = np.any(added != 0, axis=1).reshape(documents, width)
    choice = _Choice(used.sum(axis=1), tags, terms)
    choice.put(np.arange(documents), leading(added, terms, used))
    rows, columns = choice.rows, choice.places
    made = Calculations(
        explanation,
        np.broadcast_to(np.asarray(intercepts, float), (documents, tags)),
        chances if margins is None else np.asarray(margins, float),
        link,
        features=features,
        columns=columns,
        values=seen[rows, columns],
        coefficients=np.zeros(len(columns)),
        intermediates=intermediates or {},
        **choice.terms(added[rows, choice.tags, columns], added.sum(axis=2)),
    )
    return Scoring(chances, made)


def leading(contributions: Floats, terms: int, usable: npt.NDArray[np.bool_] | None = None) -> Whole:
    """Return the places of the contributions (..., tags, width) with the largest size, at most `terms`, largest first.

    Where `usable` (..., width) says that a place holds none, it comes last.
    """
    width = contributions.shape[-1]
    sizes = np.abs(contributions, order="C")
    if usable is not None:
        np.copyto(sizes, -1.0, where=~usable[..., None, :])
    # A double that is not negative sorts like the whole number of the same bits. With the place in the lowest ones, one
    # sort of numbers, which processors do many at a time, gives both.
    low = (1 << max(width - 1, 1).bit_length()) - 1
    keys = sizes.view(np.int64)
    keys = (keys & ~low) | (low - np.arange(width))
    if terms < width:
        keys = np.partition(keys, width - terms)[..., -terms:] if width > _SORTED_WHOLE else keys
    keys.sort()
    chosen = low - (keys[..., : -terms - 1 : -1] & low)
    return _in_order(chosen, np.take_along_axis(sizes, np.minimum(chosen, width - 1), -1))


def _in_order(chosen: Whole, sizes: Floats) -> Whole:
    """Sort again, in full, those few rows in which sizes differ only in the bits that the places took."""
    wrong = (sizes[..., :-1] < sizes[..., 1:]).any(axis=-1)
    if wrong.any():
        order = np.argsort(-sizes[wrong], axis=-1, kind="stable")
        chosen[wrong] = np.take_along_axis(chosen[wrong], order, -1)
    return chosen


def _alike(counts: Whole, tags: int) -> Iterator[Whole]:
    """Yield documents with about as many terms together, without those that have none."""
    order = np.argsort(counts, kind="stable")
    group: list[int] = []
    for row, count in zip(order.tolist(), counts[order].tolist(), strict=True):
        if group and (count > 1.25 * counts[group[0]] + 8 or (len(group) + 1) * count * tags > _AT_ONCE):
            yield np.array(group)
            group = []
        if count:
            group.append(row)
    if group:
        yield np.array(group)


class _Choice:
    """The leading terms of a batch: where they are, by document and tag."""

    def __init__(self, counts: Whole, tags: int, terms: int) -> None:
        kept = np.minimum(counts.astype(np.intp), terms)
        self._kept, self._shape = kept, (len(counts), tags)
        self._rest = np.broadcast_to((counts - kept)[:, None], self._shape)
        self._cells = np.repeat(np.arange(len(counts) * tags), np.repeat(kept, tags))
        self.starts: Whole = np.concatenate(([0], np.cumsum(np.repeat(kept, tags))))
        self.places: Whole = np.zeros(self.starts[-1], np.intp)
        """Of each chosen term, among the terms of its document."""

    def put(self, rows: Whole, chosen: Whole) -> None:
        """Keep what was chosen, (rows, tags, terms); of each row only as many as it has."""
        _, tags, width = chosen.shape
        kept = np.broadcast_to((np.arange(width) < self._kept[rows][:, None])[:, None], chosen.shape)
        starts = self.starts[rows[:, None] * tags + np.arange(tags)]
        self.places[(starts[:, :, None] + np.arange(width))[kept]] = chosen[kept]

    @cached_property
    def rows(self) -> Whole:
        """Document of each chosen term."""
        return self._cells // self._shape[1]

    @cached_property
    def tags(self) -> Whole:
        """Tag of each chosen term."""
        return self._cells % self._shape[1]

    def terms(self, contributions: Floats, total: Floats) -> dict[str, Any]:
        """Return the fields of Calculations that say where each document's terms are, and what the others add."""
        led = np.bincount(self._cells, contributions, total.size).reshape(total.shape)
        return {
            "starts": self.starts,
            "contributions": contributions,
            "remainders": np.where(self._rest, total - led, 0.0),
            "remainder_terms": self._rest,
        }
