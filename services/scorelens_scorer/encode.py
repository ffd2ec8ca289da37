"""What a model said, as messages of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scorelens.v1.scorer_pb2 import Calculation, Document, DocumentCalculation, ModelRef, Result, TagScore
from scorelens_scorer.model import Calculations, Explanation, Floats
from scorelens_scorer.tags import Tag

Made = tuple[Result, DocumentCalculation | None]


class Encoder:
    """Makes messages of what one model said, copying what is the same for every document."""

    def __init__(self, model: str, version: str, tags: Sequence[Tag]) -> None:
        self._reference = ModelRef(id=model, version=version)
        self._thresholds = np.array([tag.threshold for tag in tags])
        self._scores = [TagScore(tag=tag.id, title=tag.title, group=tag.group) for tag in tags]
        self._tags = [Calculation(tag=tag.id, threshold=tag.threshold) for tag in tags]

    def encode(
        self, documents: Sequence[Document], chances: Floats, made: Calculations | None, *, full: bool
    ) -> list[Made]:
        """Return a result for each document, and a calculation where the full view is asked for."""
        orders = np.argsort(-chances, axis=1, kind="stable").tolist()
        selected = (chances >= self._thresholds).tolist()
        rows = chances.tolist()
        results = [
            self._result(document, order, row, chosen)
            for document, order, row, chosen in zip(documents, orders, rows, selected, strict=True)
        ]
        if not full:
            return [(result, None) for result in results]
        calculations = _Calculations(made or _unexplained(chances), self._tags)
        return [
            (result, self._calculation(document, calculations, place, orders[place], rows[place], selected[place]))
            for place, (document, result) in enumerate(zip(documents, results, strict=True))
        ]

    def _result(self, document: Document, order: list[int], row: list[float], selected: list[bool]) -> Result:
        result = Result(document_id=document.id, model=self._reference)
        for tag in order:
            score = result.tags.add()
            score.CopyFrom(self._scores[tag])
            score.probability = row[tag]
            score.selected = selected[tag]
        return result

    def _calculation(
        self,
        document: Document,
        calculations: _Calculations,
        place: int,
        order: list[int],
        row: list[float],
        selected: list[bool],
    ) -> DocumentCalculation:
        made = DocumentCalculation(document_id=document.id, model=self._reference)
        for tag in order:
            one = made.tags.add()
            calculations.fill(one, place, tag)
            one.probability = row[tag]
            one.selected = selected[tag]
        return made


class _Calculations:
    """The arrays of a batch as lists, which protobuf reads many times faster than NumPy's."""

    def __init__(self, made: Calculations, tags: Sequence[Calculation]) -> None:
        shape = made.margins.shape
        self._templates = [_template(made, tag, place) for place, tag in enumerate(tags)]
        self._width = len(tags)
        self._intercepts = np.broadcast_to(made.intercepts, shape).tolist()
        self._margins = made.margins.tolist()
        self._remainders = _or_zeros(made.remainders, shape)
        self._rest = _or_zeros(made.remainder_terms, shape, int)
        self._starts = None if made.starts is None else np.asarray(made.starts).tolist()
        self._features = list(made.features)
        self._numbers = [np.asarray(part).tolist() for part in (made.values, made.coefficients, made.contributions)]
        self._intermediates = {name: np.asarray(array).tolist() for name, array in made.intermediates.items()}

    def fill(self, one: Calculation, row: int, tag: int) -> None:
        """Write what is known of one document and tag into a new message."""
        one.CopyFrom(self._templates[tag])
        one.intercept = self._intercepts[row][tag]
        one.margin = self._margins[row][tag]
        one.remainder = self._remainders[row][tag]
        one.remainder_terms = self._rest[row][tag]
        if self._starts is not None:
            cell = row * self._width + tag
            own = slice(self._starts[cell], self._starts[cell + 1])
            values, coefficients, contributions = self._numbers
            terms = one.terms
            terms.feature.extend(self._features[own])
            terms.value.extend(values[own])
            terms.coefficient.extend(coefficients[own])
            terms.contribution.extend(contributions[own])
        for name, array in self._intermediates.items():
            one.intermediates[name] = array[row][tag]


def _template(made: Calculations, tag: Calculation, place: int) -> Calculation:
    template = Calculation()
    template.CopyFrom(tag)
    template.explanation = int(made.explanation)  # type: ignore[assignment]
    template.link.name = made.link
    if made.link_parameters:
        template.link.parameters.update(made.link_parameters[place])
    return template


def _unexplained(chances: Floats) -> Calculations:
    return Calculations(Explanation.NONE, np.zeros(chances.shape[1]), chances, link="identity")


def _or_zeros(array: Any, shape: tuple[int, ...], kind: type = float) -> Any:
    return (np.zeros(shape, kind) if array is None else np.asarray(array)).tolist()
