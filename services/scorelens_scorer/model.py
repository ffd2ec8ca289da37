"""The interface of a model: a batch of documents in, probabilities and the calculation behind them out.

    class Shouting:
        id, version = "shouting", "1"
        description = "Tells documents in capitals from others."
        tags = (Tag("loud", "Loud", group="style"),)
        kinds = ()

        def score(self, documents, terms):
            return Scoring([[float(document.text.isupper())] for document in documents])

A model that knows why returns calculations too: scorelens_scorer.calculations makes them of whatever it has.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.tags import Tag

__all__ = ["ALL_TERMS", "Calculations", "Explanation", "Model", "Scoring", "Tag"]

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

ALL_TERMS: Final = sys.maxsize
"""As `terms`: every term, no remainder."""


class Explanation(IntEnum):
    """What the terms of a calculation are worth; numbered as in the contract."""

    EXACT = 1  # intercept, terms and remainder add up to the margin, and the link makes it the probability
    APPROXIMATE = 2  # the terms say what mattered, but do not add up
    NONE = 3  # no terms


@dataclass(frozen=True)
class Calculations:
    """How the probabilities of a batch came about, as arrays over documents and tags.

    The terms of document d and tag t are the slice `starts[d * tags + t] : starts[d * tags + t + 1]` of the four lists
    of terms, the largest contribution by size first. A model whose features are always the same gives their names in
    `features`, the same object every time, and the place of each term's name in `columns`; that is the fastest.
    """

    explanation: Explanation
    intercepts: Floats  # (tags,) or (documents, tags)
    margins: Floats  # (documents, tags)
    link: str = "sigmoid"  # or "identity", or a name of the model's own
    link_parameters: Sequence[Mapping[str, float]] = ()  # one per tag, or none at all
    starts: Whole | None = None  # (documents * tags + 1,), or None without terms
    features: Sequence[str] = ()  # of each term, or with `columns` of each column
    values: Floats = field(default_factory=lambda: np.empty(0))
    coefficients: Floats = field(default_factory=lambda: np.empty(0))
    contributions: Floats = field(default_factory=lambda: np.empty(0))
    remainders: Floats | None = None  # (documents, tags): sum of the contributions that are not among the terms
    remainder_terms: Whole | None = None  # (documents, tags): how many those are
    intermediates: Mapping[str, Floats] = field(default_factory=dict)  # name -> (documents, tags)
    columns: Whole | None = None  # of each term: its name's place in `features`

    def names(self) -> list[str]:
        """Return the name of each term's feature."""
        return list(self.features) if self.columns is None else [self.features[place] for place in self.columns]


@dataclass(frozen=True)
class Scoring:
    """What a model says of a batch: probabilities (documents, tags), 0 to 1, and the calculations if it has any."""

    probabilities: npt.ArrayLike
    calculations: Calculations | None = None


@runtime_checkable
class Model(Protocol):
    """Scores documents.

    `id` and `version` name it; a version MUST always say the same of a document. `kinds` are the kinds of documents
    that are sent to it when a caller names no model; empty means any kind that no other model names.
    """

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def tags(self) -> Sequence[Tag]: ...  # noqa: D102
    @property
    def kinds(self) -> Sequence[str]: ...  # noqa: D102

    def score(self, documents: Sequence[Document], terms: int) -> Scoring | Any:
        """Score a batch of at least one document, which may come from several callers.

        Calls come from as many threads at once as the setting --threads says, and from others while one is stuck.

        `terms` is how many leading terms each calculation should carry, ALL_TERMS for every one, and 0 when nobody
        asked for calculations, so that they need not be made.
        """
        ...
