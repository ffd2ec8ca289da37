"""Models that are made at once, to be kept and promoted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.features.text import TextFeatures, counter
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.saved import save
from scorelens_scorer.tags import Tag

WORDS = [Document(text="refund please now"), Document(text="lovely refund now")]


def small(version: str, name: str = "small", kinds: tuple[str, ...] = ()) -> LinearModel:
    """Return a model that knows four words."""
    features = TextFeatures.fit([counter("word")], WORDS)
    return LinearModel(
        id=name,
        version=version,
        description="Knows four words.",
        tags=(Tag("good"), Tag("bad", threshold=0.4)),
        kinds=kinds,
        features=features,
        coefficients=np.arange(2.0 * len(features.names)).reshape(-1, 2) / 4 - 1,
        intercepts=np.array([0.1, -0.2]),
    )


def keep(cache: Path, *versions: str, name: str = "small") -> None:
    """Keep versions of the model."""
    for version in versions:
        save(small(version, name), cache / name / version)
