"""Where a query's words stand in a whole text, in any script and at any length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.highlight import BEGIN, END, LOOKED_AT, SNIPPETS, WIDTH, highlight, spans_in
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


@given(st.lists(st.sampled_from(WORDS), min_size=150, max_size=300).map(" ".join), st.sampled_from(WORDS))
def test_every_word_is_found_wherever_parts_of_a_text_end(text: str, word: str) -> None:
    """A text that is looked at part by part has the words that it has as a whole."""
    wanted = {token.word for token in analyse(word)}
    expected = [text[token.start : token.end] for token in analyse(text) if token.word in wanted]
    if len(wanted) == 1:
        assert found(word, text) == expected


def test_long_texts_are_read_in_parts() -> None:
    """A word near the end of a long text is found at its place."""
    text = "nothing to see here " * 40_000 + "a refund " + "and so on " * 10_000
    ((start, end),) = spans_in(parse("refund"), TEXT, text)
    assert text[start:end] == "refund"


MANY = LOOKED_AT // 10
ODD = {
    "one word": "a" * MANY,
    "emoji": "\U0001f600" * MANY,
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * (MANY // 5),
    "ideographs": "\u65e5\u672c" * (MANY // 2),
    "accents": "a" + "\u0301" * MANY,
    "no spaces": "a.b-c," * (MANY // 6),
    "lines": "a\n" * (MANY // 2),
    "marks": f"{BEGIN}a{END}" * (MANY // 3),
    "zeros": "\0" * MANY,
    "half characters": "\ud800a \udfff" * (MANY // 4),
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_no_text_fails_a_search_or_grows_what_is_shown(text: str) -> None:
    """Whatever a text is made of, any query has at most a few short snippets of it, each mark with its end."""
    for query in (
        "a",
        '"a b c"',
        '"a a"~9',
        "a*",
        "*a*a*b",
        "????z",
        "aab~2",
        "\U0001f600",
        "\u65e5\u672c",
        "needle~1",
    ):
        found = highlight(parse(f"text:{query}"), {"document": {"text": text}})
        assert set(found) <= {TEXT}
        for snippet in found.get(TEXT, ()):
            assert len(snippet) < 8 * WIDTH
            assert snippet.count(BEGIN) == snippet.count(END) > 0
        assert len(found.get(TEXT, ())) <= SNIPPETS


def test_looking_for_words_ends_somewhere() -> None:
    """Where each word has to be compared, a text is read up to a bound; a word that is written so is found anywhere."""
    record = {"document": {"text": "some words " * (LOOKED_AT // 4) + "needle"}}
    assert highlight(parse("text:needla~1"), record) == {}
    assert "needle" in highlight(parse("text:needle"), record)[TEXT][0]
    assert "needle" in highlight(parse("text:need*"), record)[TEXT][0]
    assert len(found("needla~1", record["document"]["text"])) == 1


def test_texts_of_a_list_are_read_until_there_are_enough_snippets() -> None:
    """Of an activity with many texts, the first that have the word are shown."""
    texts = [f"payment {number} refund" for number in range(1000)]
    snippets = highlight(parse("refund"), {"activity": {"text": texts}})["activity.text"]
    assert snippets == [f"payment {number} {BEGIN}refund{END}" for number in range(SNIPPETS)]
