"""Where a query's words stand in a whole text, in any script and at any length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.highlight import spans_in
from scorelens_store.query.analysis import analyse
from scorelens_store.query.parse import parse

TEXT = "document.text"
WORDS = ("refund", "Still", "ΟΔΟΣ", "ΟΔΟΣ ", "İstanbul", "Straße", "日本", "😀", "no-refund", "\x02", "شكرا")


def found(query: str, text: str) -> list[str]:
    """Return what is marked."""
    return [text[start:end] for start, end in spans_in(parse(query), TEXT, text)]


def test_words_phrases_and_patterns_are_found_where_they_stand() -> None:
    """Each word of a query counts, those of phrases only in their order, and those of other fields not at all."""
    text = "Still no refund. No Refund, still!"
    assert found("refund", text) == ["refund", "Refund"]
    assert found('"still no"', text) == ["Still", "no"]
    assert found("ref* title:still", text) == ["refund", "Refund"]
    assert found("stll~1", text) == ["Still", "still"]
    assert found("kind:tweet NOT no", text) == []


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), st.sampled_from(WORDS))
def test_every_word_that_is_the_same_is_found(text: str, word: str) -> None:
    """A word is marked wherever the analysis finds it, also where its lower case depends on what follows."""
    wanted = {token.word for token in analyse(word)}
    expected = [text[token.start : token.end] for token in analyse(text) if token.word in wanted]
    if len(wanted) == 1:
        assert found(word, text) == expected


def test_long_texts_are_read_in_parts() -> None:
    """A word near the end of a long text is found at its place."""
    text = "nothing to see here " * 40_000 + "a refund " + "and so on " * 10_000
    ((start, end),) = spans_in(parse("refund"), TEXT, text)
    assert text[start:end] == "refund"
