"""Where features stand in a text: the same places that the reference models count, in any script."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer

from scorelens.v1.scorer_pb2 import Document
from scorelens_console.core.words import PART, TOKENS, Places
from scorelens_scorer.features import text as scorer

LEARNED = (
    "Still no refund, STILL no answer!!! :(",
    "the app isn't bad — the app crashes",
    "Ärger mit der Bank?",
    "ΟΔΟΣ Σ σας İstanbul Straße",
    "हिन्दी में शिकायत 👍🏽 👨‍👩‍👧 لا رد",
)
WORDS = st.one_of(st.sampled_from(" ".join(LEARNED).split()), st.text(max_size=6).filter(lambda word: "_" not in word))
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "\n", "\t\u00a0", "  "])), max_size=12).map(
    lambda parts: "".join(word + space for word, space in parts)
)


def fitted(analyzer: str, sizes: tuple[int, int]) -> scorer.TextFeatures:
    """Return the features of LEARNED, counted and not weighted."""
    vectorizer = scorer.counter(analyzer, ngram_range=sizes)
    counts = vectorizer.fit_transform(LEARNED)
    return scorer.TextFeatures([(vectorizer, TfidfTransformer().fit(counts))])


FITTED = {name: fitted(*ranges) for name, ranges in {"word": ("word", (1, 2)), "part": ("char_wb", (3, 5))}.items()}


def found(text: str, *features: str) -> dict[str, list[list[str]]]:
    """Return what is at the places of each feature."""
    return {
        name: [[text[start:end] for start, end in place] for place in places]
        for name, places in Places(text).find(features).items()
    }


def test_words_and_pairs_of_words_are_found_in_any_case() -> None:
    """A feature of several words stands where they follow each other, whatever lies between."""
    text = "Still no refund. STILL: no answer!!!"
    assert found(text, "still", "still no", "!!!", "no refund", "refund still") == {
        "still": [["Still"], ["STILL"]],
        "still no": [["Still", "no"], ["STILL", "no"]],
        "!!!": [["!!!"]],
        "no refund": [["no", "refund"]],
        "refund still": [["refund", "STILL"]],
    }


def test_parts_of_words_know_the_edges_of_words() -> None:
    """An underscore stands for the beginning or the end of a word."""
    assert found("Refund refunded", "~_ref", "~und_", "~efun", "~_x") == {
        "~_ref": [["Ref"], ["ref"]],
        "~und_": [["und"]],
        "~efun": [["efun"], ["efun"]],
    }


def test_letters_whose_lower_case_is_longer_keep_their_place() -> None:
    """The Turkish capital I becomes two characters, and what follows is still marked where it stands."""
    assert found("İİ İstanbul refund", "refund", "~stan") == {"refund": [["refund"]], "~stan": [["stan"]]}


def test_names_of_other_models_are_found_as_words() -> None:
    """Words that only the stores' rules split so are found, and the step of a pipeline is no part of a name."""
    assert found("Wi-Fi is slow", "tfidf__slow", "wi fi") == {"tfidf__slow": [["slow"]], "wi fi": [["Wi", "Fi"]]}


@pytest.mark.parametrize("name", ["exclamation marks", "income regularity", "~", "__", "", "(bias)", "~__"])
def test_properties_stand_nowhere(name: str) -> None:
    """What is no word of the text has no place, and no name of a feature is an error."""
    assert found("I am very happy!! today, and no bias", name) == {}


def test_the_rules_are_those_of_the_reference_models() -> None:
    """Words are split here as the scorer's own features split them."""
    assert TOKENS.pattern == scorer.TOKENS


@given(st.sampled_from(sorted(FITTED)), TEXTS)
def test_places_are_as_many_as_the_scorer_counts(which: str, text: str) -> None:
    """Each feature of a reference model has as many places in any text as the model counted."""
    features = FITTED[which]
    ((vectorizer, _),) = features.vectorizers
    counts = np.asarray(vectorizer.transform([scorer.text_of(Document(text=text))]).todense())[0]
    places = Places(text).find(features.names.tolist())
    for name, count in zip(features.names, counts, strict=True):
        if count:
            assert len(places[name]) == count, name
        else:
            assert not name.startswith(PART) or name not in places, name


@given(TEXTS)
def test_units_cover_the_text_and_split_no_sign(text: str) -> None:
    """Units are in order, cover all but blanks, and none begins with what belongs to the sign before it."""
    units = Places(text).units
    assert "".join(text[start:end] for start, end in units) == "".join(text.split())
    assert all(before[1] <= after[0] for before, after in pairwise(units))
    for start, _ in units:
        if start and not text[start - 1].isspace():
            assert unicodedata.category(text[start])[0] != "M"
            assert "\u200d" not in text[start - 1 : start + 1]


def test_families_of_emoji_stay_together() -> None:
    """A family, a skin tone and a flag are one unit each, and so is a word with vowel signs."""
    text = "👨‍👩‍👧 👍🏽! 🇩🇪 हिन्दी"
    assert [text[start:end] for start, end in Places(text).units] == ["👨‍👩‍👧", "👍🏽", "!", "🇩🇪", "हिन्दी"]
