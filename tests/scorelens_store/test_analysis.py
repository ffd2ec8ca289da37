"""Words: the rules on known cases, and agreement with Elasticsearch's own analyzer on any text."""

from __future__ import annotations

import json
import urllib.request

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorelens_store.query.analysis import analyse, distinct_words

CASES = {
    "": [],
    " \t\n.,;!?-–…": [],
    "Still NO refund": ["still", "no", "refund"],
    "wi-fi e-mail": ["wi", "fi", "e", "mail"],
    "can't it’s U.S.A.": ["can't", "it’s", "u.s.a"],
    "3.14 1,000.50 5% €7 2nd": ["3.14", "1,000.50", "5", "7", "2nd"],
    "foo_bar __x __ _": ["foo_bar", "__x"],
    "@user #tag http://x.org/a?b=1": ["user", "tag", "http", "x.org", "a", "b", "1"],
    "日本語ひらがな": ["日", "本", "語", "ひ", "ら", "が", "な"],
    "カタカナ 한국어": ["カタカナ", "한국어"],
    "สวัสดีครับ": ["สวัสดีครับ"],
    "😀👍🏽 👨‍👩‍👧 🇩🇪🇫🇷 1️⃣ ❤️": ["😀", "👍🏽", "👨‍👩‍👧", "🇩🇪", "🇫🇷", "1️⃣", "❤️"],
    "ÄRGER Straße ΣΑΣ İstanbul": ["ärger", "straße", "σασ", "istanbul"],
    "e\u0301a x\u00adz": ["e\u0301a", "x\u00adz"],
    'צה"ל': ['צה"ל'],
    'א"א"א אא"ב"': ['א"א', "א", 'אא"ב'],
}


@pytest.mark.parametrize("text", CASES)
def test_words_of_known_texts(text: str) -> None:
    """Texts of many scripts fall into the words that the rules say."""
    assert [token.word for token in analyse(text)] == CASES[text]


def test_long_words_are_cut() -> None:
    """A word of more than 255 characters becomes several."""
    assert [len(token.word) for token in analyse("x" * 600 + " y")] == [255, 255, 90, 1]


@given(st.text(max_size=80))
def test_places_are_those_of_the_words(text: str) -> None:
    """Each word stands where its token says, in order and apart."""
    end = 0
    for token in analyse(text):
        assert end <= token.start < token.end <= len(text)
        assert [inner.word for inner in analyse(text[token.start : token.end])] == [token.word]
        end = token.end


@given(st.text(max_size=80), st.sampled_from(["", " " + "x" * 600, " " + "é" * 256 + "b"]))
def test_distinct_words_are_the_words_each_once(text: str, long: str) -> None:
    """The quick way to the words of a text finds the same, also where some are cut."""
    assert distinct_words(text + long) == {token.word for token in analyse(text + long)}


# Emoji are drawn whole: what comes of their parts alone differs between versions of Unicode.
EMOJI = "😀 👍🏽 👨‍👩‍👧 ❤️ 🇩🇪 🇫 1️⃣ #️⃣ © 🏽 🏳️‍🌈 👩🏽‍🚀 a 1 #".split()  # noqa: SIM905
ALPHABETS = st.sampled_from(
    [
        list("aZ é'’.:,;_-·09٣ "),
        list("ab1.,'_ \u0301\u00ad\u200d"),
        list("日本ひカター한 aー1"),
        list("สวัสລາວ ខ្មែរ a1"),
        list("אב\"'. a1"),
        list("ابج ٠١،. a"),
        list("x²½ⅷ①Ａａ１ ﬁ"),
        [*EMOJI, " "],
    ]
)


@pytest.mark.elasticsearch
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_words_are_those_of_elasticsearch(elasticsearch_url: str, data: st.DataObject) -> None:
    """Any text falls into the same words, at the same places, as with Elasticsearch's standard analyzer."""
    signs = st.sampled_from(data.draw(ALPHABETS))
    text = "".join(data.draw(st.lists(signs, max_size=16)))
    assert [(token.word, token.start, token.end) for token in analyse(text)] == _standard(elasticsearch_url, text)


@pytest.mark.elasticsearch
@pytest.mark.parametrize("text", [*CASES, "x" * 600 + " y", "é" * 300])
def test_known_texts_are_read_as_elasticsearch_reads_them(elasticsearch_url: str, text: str) -> None:
    """The known cases are those of Elasticsearch's standard analyzer."""
    assert [(token.word, token.start, token.end) for token in analyse(text)] == _standard(elasticsearch_url, text)


def _standard(url: str, text: str) -> list[tuple[str, int, int]]:
    request = urllib.request.Request(  # a server of the tests
        f"{url}/_analyze",
        json.dumps({"analyzer": "standard", "text": text}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        tokens = json.load(answer)["tokens"]
    # Elasticsearch counts UTF-16 units.
    places = [0]
    for sign in text:
        places.append(places[-1] + (2 if ord(sign) > 0xFFFF else 1))
    return [(t["token"], places.index(t["start_offset"]), places.index(t["end_offset"])) for t in tokens]
