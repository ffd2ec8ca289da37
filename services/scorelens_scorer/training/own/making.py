"""Learning a linear model from documents with tags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from threadpoolctl import threadpool_limits

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.calculations import sigmoid
from scorelens_scorer.features import Features
from scorelens_scorer.features.activity import ActivityFeatures
from scorelens_scorer.features.text import TextFeatures, counter, text_of
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.model import Floats
from scorelens_scorer.tags import Tag
from scorelens_scorer.training.examples import Examples
from scorelens_scorer.training.fit import Fitted, fit_tag
from scorelens_scorer.training.own.errors import UnteachableError
from scorelens_scorer.training.own.reading import Step

Truth = npt.NDArray[np.bool_]

STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0)
"""Inverse regularisations that are tried for each tag; the documents that calibrate choose among them."""

SEARCHED: Final = 50_000
"""Rows among which the strength is chosen; of more, evenly spaced ones, since each try takes as long as learning."""

MOST_WORDS: Final = 100_000
MOST_PARTS: Final = 12_000
"""Words and pairs, and parts of words, that are kept: the most frequent ones."""

VOCABULARY_TEXT: Final = 2**24
"""Characters of text from which the words are chosen; counting all pairs of more takes many gigabytes."""


@dataclass(frozen=True)
class Made:
    """What was learned, in parts: see LinearModel; `strengths` and `impact` (features, tags) are per tag."""

    features: Features
    coefficients: Floats
    intercepts: Floats
    tags: list[Tag]
    strengths: dict[str, float]
    impact: Floats

    def chances(self, documents: Sequence[Document]) -> Floats:
        """Return the probability of each tag (documents, tags)."""
        return sigmoid(self.features.matrix(documents) @ self.coefficients + self.intercepts)

    def digest(self, kinds: Sequence[str]) -> str:
        """Return eight digits that tell this model from any other."""
        names = "\0".join(self.features.names).encode("utf-8", "surrogatepass")
        told = json.dumps([[asdict(tag) for tag in self.tags], list(kinds)]).encode()
        parts = [self.coefficients.tobytes(), self.intercepts.tobytes(), names, told]
        if isinstance(self.features, TextFeatures):
            parts += [weigher.idf_.tobytes() for _, weigher in self.features.vectorizers]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:8]

    def model(self, facts: dict[str, Any], **names: Any) -> LinearModel:
        """Return the model under a name."""
        return LinearModel(
            tags=tuple(self.tags),
            features=self.features,
            coefficients=self.coefficients,
            intercepts=self.intercepts,
            facts=facts,
            **names,
        )


def make(learn: Examples, aside: Examples, tags: list[Tag], features: Features, step: Step) -> Made:
    """Learn each tag from some documents, calibrate it and choose its threshold on others."""
    step("counting words", 0, 0)
    known, unseen = features.matrix(learn.documents), features.matrix(aside.documents)
    columns, intercepts, chosen, strengths = [], [], [], {}
    with threadpool_limits(1):  # more threads than idle cores only wait for one another
        for number, tag in enumerate(tags):
            step("learning tags", number, len(tags))
            fitted = _fit(known, learn.having(tag.id), unseen, aside.having(tag.id))
            columns.append(fitted.weights)
            intercepts.append(fitted.intercept)
            chosen.append(Tag(tag.id, tag.title, tag.group, fitted.threshold))
            strengths[tag.id] = fitted.strength
    step("learning tags", len(tags), len(tags))
    coefficients = np.ascontiguousarray(np.array(columns).T)
    return Made(features, coefficients, np.array(intercepts), chosen, strengths, _impact(known, coefficients))


def _fit(known: Any, has: Truth, unseen: Any, truth: Truth) -> Fitted:
    spacing = -(-len(has) // SEARCHED)
    some = has[::spacing]
    if spacing == 1 or some.all() or not some.any():
        return fit_tag(known, has, unseen, truth, STRENGTHS)
    tried = fit_tag(known[::spacing], some, unseen, truth, STRENGTHS)
    return fit_tag(known, has, unseen, truth, (tried.strength,))


def text_features(documents: Sequence[Document], order: npt.NDArray[np.uint64], words_only: bool) -> TextFeatures:
    """Choose words from documents; of many, those that come first in `order`. Raises UnteachableError."""
    sample = _sample(documents, order)
    counters = [counter("word", ngram_range=(1, 2), min_df=_rarest(sample), max_features=MOST_WORDS)]
    if not words_only:
        counters.append(counter("char_wb", ngram_range=(4, 4), min_df=5, max_features=MOST_PARTS))
    usable = [one for one in counters if len(sample) > 1000 or _finds(clone(one), sample)]
    if not usable:
        raise UnteachableError(
            "the texts have no words in common, so nothing can be learned from them: is --text the right column?"
        )
    return TextFeatures.fit(usable, sample)


def features_of(kind: str, learn: Examples, order: npt.NDArray[np.uint64], words_only: bool) -> Features:
    """Return the features for texts or activity."""
    return text_features(learn.documents, order, words_only) if kind == "text" else ActivityFeatures()


def strongest(made: Made, tag: int, count: int) -> tuple[list[str], list[str]]:
    """Return the names of the features that speak most for a tag, and against it, over all documents.

    Parts of words are named only where there are no words.
    """
    impact = made.impact[:, tag]
    names = made.features.names
    words = np.array([not name.startswith("~") for name in names])
    impact = np.where(words, impact, 0.0) if (impact[words] != 0).any() else impact
    order = np.argsort(impact, kind="stable")
    against = [str(names[place]) for place in order[:count] if impact[place] < 0]
    return [str(names[place]) for place in order[::-1][:count] if impact[place] > 0], against


def _impact(matrix: Any, coefficients: Floats) -> Floats:
    """Return how much each feature matters, to rank them by.

    The coefficient alone would rank rare features first, what it adds over all documents "the" and "a"; the weight is
    between: the root of the feature's root mean square.
    """
    squares: Floats = np.asarray(matrix.multiply(matrix).mean(axis=0)).ravel()
    made: Floats = coefficients * squares[:, None] ** 0.25
    return made


def _sample(documents: Sequence[Document], order: npt.NDArray[np.uint64]) -> list[Document]:
    total = 0
    chosen: list[int] = []
    for place in np.argsort(order, kind="stable").tolist():
        total += len(text_of(documents[place]))
        if total > VOCABULARY_TEXT and chosen:
            break
        chosen.append(place)
    return [documents[place] for place in sorted(chosen)]


def _rarest(sample: Sequence[Document]) -> int:
    return 2 if len(sample) < 50_000 else 5


def _finds(vectorizer: CountVectorizer, sample: Sequence[Document]) -> bool:
    try:
        vectorizer.fit([text_of(document) for document in sample])
    except ValueError:  # no word, or none that is frequent enough
        return False
    return True
