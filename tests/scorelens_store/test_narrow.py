"""Queries with one word more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.fields import DEFAULT_FIELDS, FIELDS, find_field
from scorelens_store.query import tree
from scorelens_store.query.analysis import distinct_words
from scorelens_store.query.narrow import narrowed
from scorelens_store.query.parse import parse
from tests.scorelens_store.naive import matches
from tests.scorelens_store.records import corpus
from tests.scorelens_store.test_analysis import CASES

CORPUS = corpus()


@pytest.mark.parametrize(
    ("query", "field", "word", "expected"),
    [
        ("tag:complaint label.verdict:wrong", "", "refund", "tag:complaint label.verdict:wrong refund"),
        ("kind:tweet OR kind:chat", "", "refund", "(kind:tweet OR kind:chat) refund"),
        ("refund || late", "title", "offer", "(refund || late) title:offer"),
        (" * ", "", "no", "no"),
        ("", "because", "complaint:refund", 'because:"complaint:refund"'),
        ("tag:praise", "author", 'Ann "the" \\ o*', 'tag:praise author:"Ann \\"the\\" \\\\ o*"'),
        ("tag:praise", "tag", "brand_acme-2.0", "tag:praise tag:brand_acme-2.0"),
        ("tag:praise", "source", "", 'tag:praise source:""'),
        ("tag:praise", "attributes.a:b", "AND", 'tag:praise attributes.a\\:b:"AND"'),
        ("tag:praise", "", "3.14", 'tag:praise "3.14"'),
    ],
)
def test_a_word_is_added_as_people_write_it(query: str, field: str, word: str, expected: str) -> None:
    """Words stand beside the query, values in quotes where they need them, alternatives in brackets."""
    assert narrowed(query, field, word) == expected


@pytest.mark.parametrize("query", ["*", "", "refund -mortgage", "refund OR bank", "kind:(tweet OR blog)", "NOT refund"])
@pytest.mark.parametrize(
    ("field", "word"), [("", "no"), ("title", "offer"), ("author", "Bob: the 2nd"), ("tag", "praise")]
)
def test_the_query_finds_what_both_find(query: str, field: str, word: str) -> None:
    """What is found is what the query finds and has the word."""
    alone = parse(narrowed("", field, word))
    both = parse(narrowed(query, field, word))
    for record in CORPUS:
        assert matches(both, record) == (matches(parse(query), record) and matches(alone, record))


@given(st.text(max_size=40), st.sampled_from(["author", "attributes.campaign", "label.verdict", "because"]))
def test_any_value_is_read_back(value: str, field: str) -> None:
    """Whatever signs a value has, the query means this value of the field."""
    assert parse(narrowed("", field, value)) == tree.Equals(find_field(field), value)  # type: ignore[arg-type]


@given(st.sampled_from([*CASES, "x" * 600]) | st.text(max_size=40))
def test_any_word_is_read_back(text: str) -> None:
    """Whatever script a word is of, the query means this word in every text, or in the one that is named."""
    for word in distinct_words(text):
        assert parse(narrowed("", "text", word)) == tree.Equals(FIELDS["document.text"], word)
        everywhere = tuple(tree.Equals(FIELDS[name], word) for name in DEFAULT_FIELDS)
        assert parse(narrowed("", "", word)) == tree.Any(everywhere)
