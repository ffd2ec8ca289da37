"""Words, pairs of words and parts of words, weighted by TF-IDF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.features import Names
from scorelens_scorer.features.counting import columns_of

Vectorizer = tuple[CountVectorizer, TfidfTransformer]
Row = tuple[bytes, bytes]
Floats = npt.NDArray[np.float64]

TOKENS: Final = r"[@#]?\w+(?:['’]\w+)*|[:;=][-']?[()dp/]|<3|[!?]+|[\u2600-\u27bf\U0001f300-\U0001faff]"
"""Words with their apostrophes, handles and hashtags, smileys, runs of ! and ?, and single emoji."""

PIECE: Final = 2**16
"""Longest text, in characters, that is counted at once: n-grams of a longer one would fill the memory."""

_ONES: Final = np.float64(1).tobytes()
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
        names = [_names(vectorizer) for vectorizer, _ in self.vectorizers]
        firsts = np.cumsum([0, *map(len, names)]).tolist()
        self.names: Names = np.concatenate(names)
        self._idf = np.concatenate([weigher.idf_ for _, weigher in self.vectorizers])
        self._columns = [columns_of(pair[0], first) for pair, first in zip(self.vectorizers, firsts, strict=False)]

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
        found = [self._found(text_of(document)) for document in documents]
        # What each vectorizer finds in a document is a row of its own until it is weighted; then they become one row.
        rows = [row for document in found for row in document]
        matrix = _weighted(_counts(rows, len(self.names)), self._idf)
        starts = np.ascontiguousarray(matrix.indptr[:: len(self.vectorizers)])
        return sparse.csr_matrix((matrix.data, matrix.indices, starts), shape=(len(documents), len(self.names)))

    def _found(self, text: str) -> list[Row]:
        """Return the columns of a text's features and how often each occurs, for each vectorizer."""
        if len(text) <= PIECE:
            found = [columns(text) for columns in self._columns]
            return [(row, _ONES * (len(row) // 4)) for row in found]
        totals = [np.zeros(len(self.names)) for _ in self._columns]
        for piece in _pieces(text):
            for total, columns in zip(totals, self._columns, strict=True):
                total += np.bincount(np.frombuffer(columns(piece), np.int32), minlength=len(total))
        return [(np.flatnonzero(total).astype(np.int32).tobytes(), total[total > 0].tobytes()) for total in totals]


def _counts(rows: Sequence[Row], width: int) -> Any:
    """Return how often each row has each feature, as a CSR matrix without duplicates."""
    columns = np.frombuffer(bytearray().join([row[0] for row in rows]), np.int32)
    counts = np.frombuffer(bytearray().join([row[1] for row in rows]))
    starts = np.cumsum([0, *(len(row[0]) // 4 for row in rows)], dtype=np.int32)
    matrix = sparse.csr_matrix((counts, columns, starts), shape=(len(rows), width))
    matrix.sum_duplicates()
    return matrix


def _weighted(counts: Any, idf: Floats) -> Any:
    """Weight counts as TfidfTransformer(sublinear_tf=True) does: logarithm, inverse document frequency, length 1."""
    values = (np.log(counts.data) + 1) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, values * values, counts.shape[0]))
    counts.data = values / lengths[rows]
    return counts


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


def _pieces(text: str) -> Iterator[str]:
    """Cut a long text at spaces."""
    start = 0
    while len(text) - start > PIECE:
        end = text.rfind(" ", start + PIECE // 2, start + PIECE)
        end = end if end > 0 else start + PIECE
        yield text[start:end]
        start = end
    yield text[start:]
