"""Words against patterns, near words and phrases, held to a slow reading of what they mean."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.fields import FIELDS
from scorelens_store.query.patterns import edits, longest_part, phrases, positions, wildcard
from scorelens_store.query.tree import Fuzzy, Phrase, Wildcard
from tests.scorelens_store.naive import matches

KEYWORD, TEXT = FIELDS["purpose"], FIELDS["document.text"]

SHORT = st.text("ab", max_size=8)
PATTERN = st.lists(st.sampled_from(["a", "b", "*", "*", "?", "\\*", "\\?", "\\\\", "."]), min_size=1).map("".join)


@given(PATTERN, st.text("ab*?\\.", max_size=8))
def test_wildcards_match_what_they_mean(pattern: str, word: str) -> None:
    """A star is any run of characters, a question mark one, and an escaped sign itself."""
    assert (wildcard(pattern).fullmatch(word) is not None) == matches(Wildcard(KEYWORD, pattern), {"purpose": word})


@given(PATTERN, st.text("ab*?\\.", max_size=8))
def test_every_word_that_matches_has_the_longest_part(pattern: str, word: str) -> None:
    """What is looked for beforehand is in every word that a pattern matches."""
    if wildcard(pattern).fullmatch(word):
        assert longest_part(pattern) in word


def test_no_pattern_takes_forever() -> None:
    """Many stars against a long word without what follows them come to an end."""
    assert wildcard("*a" * 60 + "b").fullmatch("a" * 8000) is None
    assert wildcard("*a" * 60 + "*").fullmatch("a" * 8000) is not None


@given(SHORT, SHORT)
def test_edits_are_counted_up_to_a_bound(one: str, other: str) -> None:
    """Up to the bound the number is exact, beyond it one more than that."""
    for most in (1, 2):
        near = matches(Fuzzy(KEYWORD, other, most), {"purpose": one}) if one else len(other) <= most
        assert (edits(one, other, most) <= most) == near
        assert edits(one, other, most) <= most + 1


@given(
    st.lists(st.sampled_from("abc"), max_size=9),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_phrases_stand_where_their_words_do(text: list[str], words: list[str], slop: int) -> None:
    """A phrase is found if and only if its words stand in order with so few others between them."""
    found = list(phrases(positions(text), words, slop))
    assert bool(found) == matches(Phrase(TEXT, tuple(words), slop), {"document": {"text": " ".join(text)}})
    for places in found:
        assert [text[place] for place in places] == words
        assert places[-1] - places[0] < len(words) + slop


def test_no_phrase_takes_forever() -> None:
    """A wide phrase over a long text of one word comes to an end."""
    assert list(phrases(positions(["a"] * 50_000), ["a", "b"], 1_000_000)) == []
    assert sum(1 for _ in phrases(positions([*["a"] * 50_000, "b"]), ["a", "b"], 1_000_000)) == 50_000
