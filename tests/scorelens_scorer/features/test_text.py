"""Words, pairs of words and parts of words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.features.counting import LONGEST_KEPT
from scorelens_scorer.features.text import PIECE, TextFeatures, Vectorizer, counter, text_of

LEARNED = [
    "Still no refund, STILL no answer!!! :(",
    "the app isn't bad — the app crashes",
    "Ärger mit der Bank?",
    "ΟΔΟΣ Σ σας İstanbul",
    "x" * (LONGEST_KEPT + 5),
]
SPACES = st.sampled_from([" ", "  ", "\n", "\t\u00a0", "\u2028", ""])
WORDS = st.one_of(st.sampled_from(" ".join(LEARNED).split()), st.text(max_size=8))
TEXTS = st.lists(st.tuples(WORDS, SPACES), max_size=12).map(
    lambda parts: "".join(word + space for word, space in parts)
)


def fitted(ranges: dict[str, tuple[int, int]]) -> list[Vectorizer]:
    """Return vectorizers that know the features of LEARNED."""
    made = []
    for analyzer, sizes in ranges.items():
        vectorizer = counter(analyzer, ngram_range=sizes)
        made.append((vectorizer, TfidfTransformer(sublinear_tf=True).fit(vectorizer.fit_transform(LEARNED))))
    return made


FITTED = {
    name: fitted(ranges)
    for name, ranges in {
        "both": {"word": (1, 2), "char_wb": (4, 4)},
        "pairs": {"word": (2, 3)},
        "parts": {"char_wb": (2, 5)},
    }.items()
}


def close(vectorizers: list[Vectorizer], texts: list[str]) -> None:
    """Fail where the features of texts are not what scikit-learn makes of them."""
    found = TextFeatures(vectorizers).matrix([Document(text=text) for text in texts])
    expected = np.hstack([weigher.transform(words.transform(texts)).toarray() for words, weigher in vectorizers])
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12)
    assert found.has_canonical_format


@given(st.sampled_from(sorted(FITTED)), st.lists(TEXTS, min_size=1, max_size=4))
def test_values_are_those_of_scikit_learn(which: str, texts: list[str]) -> None:
    """Any text, in any script, has the same features with the same values as its vectorizers give it."""
    close(FITTED[which], texts)


@pytest.mark.parametrize("text", [(" ".join(LEARNED) + " ") * 1000, "refund " * 30 + "x" * 30])
def test_long_texts_are_counted_in_pieces_and_long_words_at_once(text: str) -> None:
    """A text of many pieces, cut at spaces, has the features of the whole, but for n-grams over the cuts."""
    assert len(text) > PIECE or len(text) < 1000
    close([FITTED["parts"][0]], [text, "", text])


def test_the_title_comes_first() -> None:
    """The title is read as part of the text."""
    assert text_of(Document(title="No refund", text="again")) == "No refund\nagain"
