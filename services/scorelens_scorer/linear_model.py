"""A linear model with one sigmoid per tag: what both reference models are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.calculations import linear
from scorelens_scorer.features import Features
from scorelens_scorer.model import Floats, Scoring
from scorelens_scorer.tags import Tag


@dataclass(frozen=True)
class LinearModel:
    """Features times coefficients plus intercept, through a sigmoid: exact to explain.

    `coefficients` is (features, tags), `intercepts` (tags,); both have the calibration folded in. `facts` tells what
    the model was trained on and how well it does.
    """

    id: str
    version: str
    description: str
    tags: Sequence[Tag]
    kinds: Sequence[str]
    features: Features
    coefficients: Floats
    intercepts: Floats
    facts: Mapping[str, Any] = field(default_factory=dict)

    def score(self, documents: Sequence[Document], terms: int) -> Scoring:
        """Score a batch, with exact calculations."""
        matrix = self.features.matrix(documents)
        return linear(matrix, self.coefficients, self.intercepts, self.features.names, terms)
