"""Which records a query matches, in every store."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorelens_store.contract import Reader, Selection
from scorelens_store.fields import Field, Type, find_field
from scorelens_store.query import tree
from scorelens_store.query.analysis import analyse
from scorelens_store.query.parse import parse
from tests.scorelens_store.naive import matches, terms
from tests.scorelens_store.records import START, WORDS, corpus

CORPUS = corpus()

QUERIES = """
*
mortgage
mortgage AND score.complaint:>0.7 AND kind:tweet
refund OR mortgage
refund mortgage
refund -mortgage
NOT refund
title:refund
text:(refund AND NOT bank)
"still no"
"no still"
"still refund"~3
"still no bank"~4
text:"refund refund"~5
wi-fi
can't
u.s.a
3.14
1,000
"1,000 still"
foo_bar
STRASSE straße
CAFÉ
istanbul
日本
日本語
คำไทย
😀
x²
activity.text:refund
activity.text:"rate refund"~5
re*
text:m?rtgage
text:*an*
kind:t*
author:a\\*b
author:ann
author:[A TO C]
author:"Bob: the 2nd"
author:{Ann TO *}
mortage~1
refnud~
author:Amn~1
because:"complaint:refund"
because:complaint*
tag:(complaint OR praise)
tag:{brand_acme TO card-fraud}
tag:[c TO complain]
author:[Ann TO Bob}
tag:complaint tag:praise
score.complaint:0.7
score.complaint:>0.7
score.complaint:>=0.7
score.complaint:[0.1 TO 0.5}
score.complaint:{0.1 TO 0.5]
score.card-fraud:*
NOT score.card-fraud:*
score.unknown:>0
margin.praise:<-2.5
margin.praise:[-3 TO 3]
audience:>=1200
audience:-5
audience:[* TO 10]
audience:*
duration:>200
time:2026-11-21
time:>2026-11-21
time:<=2026-11-21
time:[2026-11-21T03 TO 2026-11-21T09:30}
published:2026-10
published:[2026-06 TO *]
published:*
attributes.campaign:x
attributes.campaign:x*
attributes.campaign:"y z"
attributes.campaign:[x TO xz]
attributes.dotted.name:*
labels.verdict:wrong
labels.sure:true
resource.k8s.pod.name:pod-2
customer:*
customer:c-1
flags:does_not_add_up
purpose:*
purpose:replay
record:call
record:*
status:UNAVAILABLE
call.truncated:request
document.source_uri:https\\://example.org/5?q=a&b
document.source_uri:"https://example.org/5?q=a&b"
document.source_uri:*/1?\\?q*
id:d-1?
version:(0 OR 1)^3
(kind:tweet OR kind:chat) AND (tag:praise OR NOT author:ann)
!!!
refund !!!
""".strip().splitlines()


def found(store: Reader, selection: Selection) -> set[str]:
    """Return the ids of all records that match."""
    return {record["record"]["id"] for record in store.scan(selection)}


def expected(node: tree.Node) -> set[str]:
    """Return the ids of all records of the corpus that match."""
    return {record["record"]["id"] for record in CORPUS if matches(node, record)}


@pytest.mark.parametrize("query", QUERIES)
def test_query_matches_what_it_says(filled: Reader, query: str) -> None:
    """A query finds exactly the records that a plain reading of it finds."""
    node = parse(query)
    selection = Selection(node, purposes=(), calls=True)
    assert found(filled, selection) == expected(node)
    assert filled.count(selection) == len(expected(node))


def test_corpus_has_both_sides_of_most_queries() -> None:
    """Most queries of the list match some records and not others, so that they can fail."""
    sizes = [len(expected(parse(query))) for query in QUERIES]
    assert sum(0 < size < len(CORPUS) for size in sizes) > 0.85 * len(QUERIES)


def test_listings_leave_out_calls_and_other_purposes(filled: Reader) -> None:
    """Without asking for more, only production documents are found."""
    documents = {
        record["record"]["id"]
        for record in CORPUS
        if record["purpose"] == "production" and record["record"]["type"] == "document"
    }
    assert found(filled, Selection(tree.Everything())) == documents
    assert len(found(filled, Selection(tree.Everything(), purposes=()))) > len(documents)
    assert len(found(filled, Selection(tree.Everything(), calls=True))) > len(documents)
    replayed = found(filled, Selection(tree.Everything(), purposes=("replay", "test")))
    assert replayed
    assert not replayed & documents


def test_query_that_names_purpose_or_type_has_its_way(filled: Reader) -> None:
    """What the query itself says of purpose and type holds instead of the defaults."""
    assert found(filled, Selection(parse("purpose:replay"))) == expected(parse("purpose:replay AND record:document"))
    assert found(filled, Selection(parse("record:call"))) == expected(parse("record:call AND purpose:production"))


def test_since_is_inclusive_and_until_exclusive(filled: Reader) -> None:
    """A span of time holds its beginning and not its end."""
    first, last = START + timedelta(minutes=41), START + timedelta(minutes=41 * 7)
    selection = Selection(tree.Everything(), since=first, until=last, purposes=(), calls=True)
    inside = {
        record["record"]["id"] for record in CORPUS if first <= datetime.fromisoformat(record["@timestamp"]) < last
    }
    assert found(filled, selection) == inside
    assert inside


SEARCHED = """
text title activity.text kind author tags because audience time published duration score.complaint margin.praise
attributes.campaign labels.verdict customer flags length record.type purpose resource.k8s.pod.name
"""
FIELDS = [find_field(name) for name in SEARCHED.split()]


def _values(field: Field) -> st.SearchStrategy[tree.Value]:
    there = sorted({term for record in CORPUS for term in terms(field, record)})
    other: dict[Type, st.SearchStrategy[tree.Value]] = {
        Type.FLOAT: st.floats(-10, 10, width=32).filter(lambda number: number != 0 or str(number) == "0.0"),
        Type.INTEGER: st.integers(-(2**63), 2**63 - 1),
        Type.DATE: st.datetimes(START.replace(tzinfo=None) - timedelta(300), START.replace(tzinfo=None)).map(
            lambda moment: moment.replace(tzinfo=START.tzinfo)
        ),
    }
    return st.sampled_from(there) | other.get(field.type, st.sampled_from(["x", "refund", "tweet", "zz", "A"]))


@st.composite
def leaves(draw: st.DrawFn) -> tree.Node:
    """Draw a query of one field."""
    field = draw(st.sampled_from([field for field in FIELDS if field is not None]))
    kinds = ["equals", "exists"]
    kinds += ["phrase", "wildcard", "fuzzy"] if field.type is Type.TEXT else ["range"]
    match draw(st.sampled_from(kinds)):
        case "equals":
            return tree.Equals(field, draw(_values(field)))
        case "exists":
            return tree.Exists(field)
        case "range":
            bounds = [draw(st.none() | _values(field)) for _ in range(2)]
            return tree.Range(field, bounds[0], bounds[1], draw(st.booleans()), draw(st.booleans()))
        case "phrase":
            words = [token.word for word in WORDS for token in analyse(word)]
            some = draw(st.lists(st.sampled_from(words), min_size=2, max_size=3))
            return tree.Phrase(field, tuple(some), draw(st.integers(0, 4)))
        case "wildcard":
            return tree.Wildcard(field, draw(st.text("*?refundlat", min_size=1, max_size=6)))
    word = draw(st.sampled_from(["refund", "mortgage", "late", "no", "straße"]))
    changed = draw(st.integers(0, len(word)))
    return tree.Fuzzy(
        field, word[:changed] + draw(st.sampled_from(["", "x", "rx"])) + word[changed + 1 :], draw(st.integers(1, 2))
    )


def _several(parts: st.SearchStrategy[tree.Node]) -> st.SearchStrategy[tuple[tree.Node, ...]]:
    return st.lists(parts, min_size=1, max_size=3).map(tuple)


TREES = st.recursive(
    leaves() | st.just(tree.Everything()) | st.just(tree.Nothing()),
    lambda parts: st.one_of(
        _several(parts).map(tree.All),
        _several(parts).map(tree.Any),
        parts.map(tree.Not),
        st.builds(tree.Boost, parts, st.just(2.0)),
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(node=TREES)
def test_any_tree_matches_what_it_says(filled: Reader, node: tree.Node) -> None:
    """Any query tree finds exactly the records that a plain reading of it finds."""
    assert found(filled, Selection(node, purposes=(), calls=True)) == expected(node)
