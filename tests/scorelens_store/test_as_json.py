"""Query trees as JSON."""

from __future__ import annotations

import json
from typing import Any as AnyValue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS
from scorelens_store.query.as_json import MAX_CHARACTERS, MAX_NODES, read_node, write_node
from scorelens_store.query.parse import MAX_BRACKETS, MAX_DEPTH, parse
from scorelens_store.query.tree import All, Any, Equals, Everything, Fuzzy, Node, Not, Phrase, Range
from tests.scorelens_store.trees import trees

TAG = {"equals": {"field": "tag", "value": "complaint"}}


def sent(node: Node) -> AnyValue:
    """Return a tree as it arrives."""
    return json.loads(json.dumps(write_node(node)))


@given(trees())
def test_every_tree_comes_back(node: Node) -> None:
    """What is written is read as what it was, values of their types included."""
    back = read_node(sent(node))
    assert back == node
    assert repr(back) == repr(node)  # 1 is not 1.0


@pytest.mark.parametrize(
    "query",
    [
        "",
        "still no refund",
        '"still no"~3 OR mortgahe~1^2.5',
        "kind:tweet AND NOT score.complaint:[0.1 TO 0.7}",
        'because:"complaint:refund" time:>now-7d published:2026-11',
        "attributes.campaign:aut* _exists_:label.verdict -audience:>=1000",
        " OR ".join(f"word{number}" for number in range(999)),
        "-(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1),
        "(" * MAX_BRACKETS + "a" + ")^2" * MAX_BRACKETS,
        "-a^2 " * 900,
    ],
)
def test_whatever_people_can_write_can_be_sent(query: str) -> None:
    """The tree of a query, however large a query may be, is read back."""
    node = parse(query)
    assert read_node(sent(node)) == node


def test_short_names_and_what_is_left_out_are_understood() -> None:
    """People who write trees by hand need not write everything."""
    read = read_node(
        {
            "all": [
                TAG,
                {"range": {"field": "audience", "low": 100}},
                {"not": {"fuzzy": {"field": "text", "word": "refund"}}},
                {"any": [{"phrase": {"field": "title", "words": ["a", "b"]}}, {"everything": {}}]},
            ]
        }
    )
    title, text = FIELDS["document.title"], FIELDS["document.text"]
    assert read == All(
        (
            Equals(FIELDS["tags"], "complaint"),
            Range(FIELDS["document.audience"], 100, None),
            Not(Fuzzy(text, "refund", 2)),
            Any((Phrase(title, ("a", "b"), 0), Everything())),
        )
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "a node is an object with one member: everything, nothing, all"),
        ({"all": [TAG], "any": [TAG]}, "a node is an object with one member"),
        ({"some": [TAG]}, "'some' is none of"),
        ({"all": []}, "all: must be a list of at least one node"),
        ({"all": [TAG, {"not": 3}]}, r"all\[1\].not: a node is an object"),
        ({"equals": {"field": "kind"}}, "equals: value is missing"),
        (
            {"equals": {"field": "kind", "value": "tweet", "boost": 2}},
            "equals: has no member 'boost'; it has field, value",
        ),
        ({"equals": {"field": "nonsense", "value": "a"}}, "equals.field: there is no field 'nonsense'"),
        ({"equals": {"field": "kind", "value": 3}}, "equals.value: must be text, not 3"),
        ({"equals": {"field": "kind", "value": "\ud800"}}, "equals.value: holds a character that is not valid"),
        ({"equals": {"field": "audience", "value": 1.5}}, "is a whole number of 64 bits"),
        ({"equals": {"field": "audience", "value": True}}, "is a whole number of 64 bits"),
        ({"equals": {"field": "audience", "value": 2**63}}, "is a whole number of 64 bits"),
        ({"range": {"field": "score.x", "low": "0.7"}}, "range.low: must be a number, not '0.7'"),
        ({"range": {"field": "score.x", "low": 10**400}}, "range.low: is no number that 32 bits hold"),
        ({"range": {"field": "score.x", "low": float("nan")}}, "range.low: is no number that 32 bits hold"),
        ({"range": {"field": "score.x", "with_low": 1}}, "range.with_low: must be true or false"),
        ({"range": {"field": "time", "low": "yesterday"}}, "range.low: 'yesterday' is no date"),
        ({"range": {"field": "text", "low": "a"}}, "document.text holds words"),
        ({"phrase": {"field": "kind", "words": ["a", "b"]}}, "phrases are found in text"),
        ({"phrase": {"field": "text", "words": ["a"]}}, "phrase.words: must be a list of at least two words"),
        ({"phrase": {"field": "text", "words": ["a", "b"], "slop": -1}}, "phrase.slop: must be a whole number from 0"),
        ({"phrase": {"field": "text", "words": list("abcdefgh"), "slop": 50}}, "too large for a phrase of so many"),
        ({"wildcard": {"field": "audience", "pattern": "1*"}}, "work on text and keywords"),
        ({"wildcard": {"field": "label.by", "pattern": "*a"}}, "at the end of a value only"),
        ({"fuzzy": {"field": "label.by", "word": "a"}}, "cannot be searched by near words"),
        ({"fuzzy": {"field": "text", "word": "a", "distance": 3}}, "fuzzy.distance: must be 1 or 2"),
        ({"boost": {"part": TAG, "weight": -1}}, "boost.weight: is from 0 to 1,000,000"),
        ({"everything": None}, "everything: must be an object with nothing in it"),
        ({"exists": {"field": ["kind"]}}, "exists.field: must be text"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(value: AnyValue, reason: str) -> None:
    """Whoever sent it can put it right."""
    with pytest.raises(QueryError, match=reason):
        read_node(value)


def nested(kind: str, levels: int) -> AnyValue:
    """Return nodes within each other."""
    value: AnyValue = TAG
    for _ in range(levels):
        value = {"boost": {"part": value, "weight": 1}} if kind == "boost" else {kind: value}
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (nested("not", MAX_DEPTH + 1), "nested more than 20 levels"),
        (nested("not", 100_000), "nested more than 122 levels"),
        (nested("boost", 100_000), "nested more than 122 levels"),
        ({"any": [TAG] * MAX_NODES}, "more than 12,000 nodes"),
        ({"equals": {"field": "kind", "value": "a" * MAX_CHARACTERS}}, "more than 200,000 characters"),
    ],
    ids=["levels", "deep", "boosts", "nodes", "characters"],
)
def test_what_is_too_large_is_refused(value: AnyValue, reason: str) -> None:
    """No tree costs more than a query that people can write, and none breaks the reader."""
    with pytest.raises(QueryError, match=reason):
        read_node(value)


KINDS = (
    "everything",
    "nothing",
    "all",
    "any",
    "not",
    "boost",
    "equals",
    "phrase",
    "range",
    "wildcard",
    "fuzzy",
    "exists",
)
NAMES = st.sampled_from((*KINDS, "field", "value", "part", "weight", "words", "slop", "low", "high", "word", "pattern"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(("kind", "text", "score.a", "time", "a")),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(NAMES, part, max_size=3),
    max_leaves=15,
)


@given(JSON)
def test_nothing_but_a_query_error_comes_of_what_is_no_tree(value: AnyValue) -> None:
    """Whatever is sent is a tree or refused."""
    try:
        node = read_node(value)
    except QueryError:
        return
    assert read_node(sent(node)) == node
