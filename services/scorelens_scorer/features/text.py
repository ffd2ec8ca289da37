"""Words, pairs of words and parts of words, weighted by TF-IDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.features import Names

Vectorizer = tuple[CountVectorizer, TfidfTransformer]

TOKENS: Final = r"[@#]?\w+(?:['’]\w+)*|[:;=][-']?[()dp/]|<3|[!?]+|[\u2600-\u27bf\U0001f300-\U0001faff]"
"""Words with their apostrophes, handles and hashtags, smileys, runs of ! and ?, and single emoji."""

PIECE: Final = 2**16
"""Longest text, in characters, that is counted at once: n-grams of a longer one would fill the memory."""

_PREFIXES: Final = {"word": "", "char_wb": "~"}


def counter(analyzer: str, **parameters: Any) -> CountVectorizer:
    """Return a counter of words (`word`) or of parts of words (`char_wb`)."""
    tokens = {"token_pattern": TOKENS} if analyzer == "word" else {}
    return CountVectorizer(analyzer=analyzer, dtype=np.float64, **tokens, **parameters)


def text_of(document: Document) -> str:
    """Return the words of a document, title first."""
    return f"{document.title}\n{document.text}" if document.title else document.text


class TextFeatures:
    """The TF-IDF values of one or more vectorizers side by side."""

    def __init__(self, vectorizers: Sequence[Vectorizer]) -> None:
        """Take vectorizers that are fitted, with their TF-IDF transformers."""
        self.vectorizers = tuple(vectorizers)
        self.names: Names = np.concatenate([_names(vectorizer) for vectorizer, _ in self.vectorizers])

    @classmethod
    def of_parts(cls, parts: Sequence[Mapping[str, Any]]) -> TextFeatures:
        """Build again what `parts` took apart. Raises KeyError, TypeError or ValueError for parts that do not fit."""
        return cls([_vectorizer(**part) for part in parts])

    def parts(self) -> list[dict[str, Any]]:
        """Return all that makes these features, as strings, numbers and arrays."""
        return [
            {
                "analyzer": vectorizer.analyzer,
                "shortest": vectorizer.ngram_range[0],
                "longest": vectorizer.ngram_range[1],
                "vocabulary": np.array(vectorizer.get_feature_names_out(), dtype=str),
                "idf": weigher.idf_,
            }
            for vectorizer, weigher in self.vectorizers
        ]

    @classmethod
    def fit(cls, counters: Sequence[CountVectorizer], documents: Sequence[Document]) -> TextFeatures:
        """Learn vocabularies and weights from documents."""
        texts = [text_of(document) for document in documents]
        fitted = []
        for vectorizer in counters:
            weigher = TfidfTransformer(sublinear_tf=True).fit(vectorizer.fit_transform(texts))
            fitted.append((vectorizer, weigher))
        return cls(fitted)

    def matrix(self, documents: Sequence[Document]) -> Any:
        """Return the values as a SciPy CSR matrix (documents, features)."""
        pieces, owners = _pieces([text_of(document) for document in documents])
        parts = [
            weigher.transform(_joined(vectorizer.transform(pieces), owners, len(documents)), copy=False)
            for vectorizer, weigher in self.vectorizers
        ]
        return sparse.hstack(parts, format="csr")


def _vectorizer(analyzer: str, shortest: int, longest: int, vocabulary: Any, idf: Any) -> Vectorizer:
    if len(vocabulary) != len(idf) or not np.isfinite(idf).all():
        raise ValueError("vocabulary and weights do not match")
    places = {str(feature): place for place, feature in enumerate(vocabulary)}
    vectorizer = counter(analyzer, ngram_range=(shortest, longest), vocabulary=places)
    vectorizer.transform([""])  # checks the vocabulary once, before threads share it
    weigher = TfidfTransformer(sublinear_tf=True)
    weigher.idf_ = np.asarray(idf, np.float64)
    return vectorizer, weigher


def _names(vectorizer: CountVectorizer) -> Names:
    prefix = _PREFIXES[vectorizer.analyzer]
    names = vectorizer.get_feature_names_out()
    if prefix:  # a space marks the edge of a word, where it would be overlooked
        return np.array([prefix + name.replace(" ", "_") for name in names], dtype=object)
    return np.array(names, dtype=object)


def _pieces(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Cut long texts at spaces; return the pieces and which text each belongs to."""
    pieces, owners = [], []
    for owner, text in enumerate(texts):
        start = 0
        while len(text) - start > PIECE:
            end = text.rfind(" ", start + PIECE // 2, start + PIECE)
            end = end if end > 0 else start + PIECE
            pieces.append(text[start:end])
            owners.append(owner)
            start = end
        pieces.append(text[start:])
        owners.append(owner)
    return pieces, owners


def _joined(counts: Any, owners: Sequence[int], texts: int) -> Any:
    if len(owners) == texts:
        return counts
    sums = sparse.csr_matrix((np.ones(len(owners)), (owners, np.arange(len(owners)))), shape=(texts, len(owners)))
    return sums @ counts
