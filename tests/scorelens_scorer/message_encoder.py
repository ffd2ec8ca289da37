"""An answer made with protobuf's own classes: what the scorer's bytes have to say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scorelens.v1.scorer_pb2 import Calculation, Document, ModelRef, ScoreResponse
from scorelens_scorer.model import Calculations, Explanation, Floats
from scorelens_scorer.tags import Tag


def answer(
    reference: ModelRef,
    tags: Sequence[Tag],
    documents: Sequence[Document],
    chances: Floats,
    made: Calculations | None,
    *,
    full: bool,
) -> ScoreResponse:
    """Build the messages field by field."""
    whole = ScoreResponse()
    if full:
        whole.calculations.SetInParent()
    for row, document in enumerate(documents):
        order = np.argsort(-chances[row], kind="stable").tolist()
        result = whole.results.add(document_id=document.id, model=reference)
        for place in order:
            tag, chance = tags[place], chances[row, place]
            selected = bool(chance >= tag.threshold)
            result.tags.add(tag=tag.id, title=tag.title, group=tag.group, probability=chance, selected=selected)
        if full:
            calculation = whole.calculations.documents.add(document_id=document.id, model=reference)
            for place in order:
                one = calculation.tags.add(tag=tags[place].id, threshold=tags[place].threshold)
                one.probability = chances[row, place]
                one.selected = bool(chances[row, place] >= tags[place].threshold)
                _fill(one, made or _none(chances), row, place, len(tags))
    return whole


def _none(chances: Floats) -> Calculations:
    return Calculations(Explanation.NONE, np.zeros(chances.shape[1]), chances, link="identity")


def _fill(one: Calculation, made: Calculations, row: int, tag: int, width: int) -> None:
    one.explanation = int(made.explanation)  # type: ignore[assignment]
    one.intercept = np.broadcast_to(made.intercepts, made.margins.shape)[row, tag]
    one.margin = made.margins[row, tag]
    one.link.name = made.link
    if made.link_parameters:
        one.link.parameters.update(made.link_parameters[tag])
    if made.remainders is not None:
        one.remainder = made.remainders[row, tag]
    if made.remainder_terms is not None:
        one.remainder_terms = int(made.remainder_terms[row, tag])
    if made.starts is not None:
        own = slice(*made.starts[row * width + tag : row * width + tag + 2].tolist())
        one.terms.feature.extend(made.names()[own])
        one.terms.value.extend(made.values[own])
        one.terms.coefficient.extend(made.coefficients[own])
        one.terms.contribution.extend(made.contributions[own])
    for name, array in made.intermediates.items():
        one.intermediates[name] = array[row, tag]
