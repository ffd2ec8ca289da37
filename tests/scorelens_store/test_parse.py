"""The query language: what queries mean, and how those are refused that mean nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.errors import QueryError
from scorelens_store.fields import DEFAULT_FIELDS, FIELDS, Field, find_field
from scorelens_store.query.parse import MAX_CLAUSES, MAX_DEPTH, MAX_LENGTH, depth, parse
from scorelens_store.query.tree import (
    All,
    Any,
    Boost,
    Equals,
    Everything,
    Exists,
    Fuzzy,
    Node,
    Not,
    Nothing,
    Phrase,
    Range,
    Wildcard,
)

NOW = datetime(2026, 11, 22, 10, 30, 15, 123456, UTC)


def field(name: str) -> Field:
    """Return a field by any of its names."""
    found = find_field(name)
    assert found is not None
    return found


def word(text: str) -> Node:
    """Return the query for a word without a field."""
    return Any(tuple(Equals(FIELDS[name], text) for name in DEFAULT_FIELDS))


def kind(value: str) -> Node:
    """Return the query for a kind."""
    return Equals(field("kind"), value)


def moment(text: str) -> datetime:
    """Return a moment."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "node"),
    [
        ("", Everything()),
        ("  \n", Everything()),
        ("*", Everything()),
        ("*:*", Everything()),
        ("mortgage", word("mortgage")),
        ("Mortgage loan", All((word("mortgage"), word("loan")))),
        ("a AND b", All((word("a"), word("b")))),
        ("a && b", All((word("a"), word("b")))),
        ("a OR b", Any((*word("a").parts, *word("b").parts))),  # type: ignore[union-attr]
        ("a || b", parse("a OR b")),
        ("a b OR c", parse("(a AND b) OR c")),
        ("a OR b AND c", parse("a OR (b AND c)")),
        ("NOT a", Not(word("a"))),
        ("!a", Not(word("a"))),
        ("-a", Not(word("a"))),
        ("NOT NOT a", word("a")),
        ("+a -b", All((word("a"), Not(word("b"))))),
        ("a - b", All((word("a"), word("b")))),
        ("hello! world", parse("hello AND world")),
        ("and or not", All((word("and"), word("or"), word("not")))),
        ("kind:tweet", kind("tweet")),
        ("document.kind:tweet", kind("tweet")),
        ("kind: tweet", kind("tweet")),
        ("kind:Tweet", kind("Tweet")),
        ("kind:(tweet OR blog)", Any((kind("tweet"), kind("blog")))),
        ("kind:(tweet AND NOT blog)", All((kind("tweet"), Not(kind("blog"))))),
        ("kind:(tweet title:x)", All((kind("tweet"), Equals(field("title"), "x")))),
        ('because:"complaint:refund"', Equals(field("because"), "complaint:refund")),
        ("because:complaint:refund", Equals(field("because"), "complaint:refund")),
        (r"because:complaint\:refund", Equals(field("because"), "complaint:refund")),
        ('kind:""', kind("")),
        (r"author:a\*b\"c\\", Equals(field("author"), 'a*b"c\\')),
        (r'author:"a\"b*"', Equals(field("author"), 'a"b*')),
        ("text:wi-fi", Phrase(field("text"), ("wi", "fi"))),
        ('text:"Still No"', Phrase(field("text"), ("still", "no"))),
        ('text:"still no"~3', Phrase(field("text"), ("still", "no"), 3)),
        ('text:"still"', Equals(field("text"), "still")),
        ('text:"..."', Nothing()),
        ("!!!", Nothing()),
        ("!!! a", word("a")),
        ("text:*", Exists(field("text"))),
        ("kind:*", Exists(field("kind"))),
        ("score.x:[* TO *]", Exists(field("score.x"))),
        ("_exists_:kind", Exists(field("kind"))),
        ("text:Ref*d?", Wildcard(field("text"), "ref*d?")),
        ("kind:Tw*", Wildcard(field("kind"), "Tw*")),
        (r"author:a\*b*", Wildcard(field("author"), r"a\*b*")),
        ("text:Refnd~", Fuzzy(field("text"), "refnd", 2)),
        ("text:refnd~1", Fuzzy(field("text"), "refnd", 1)),
        ("kind:tweet~0", kind("tweet")),
        ("kind:tweet^2.5", Boost(kind("tweet"), 2.5)),
        ("(kind:tweet)^3", Boost(kind("tweet"), 3.0)),
        ("kind:OR", kind("OR")),
        ("score.complaint:>0.5", Range(field("score.complaint"), 0.5, None, False, False)),
        ("score.complaint:>= 0.5", Range(field("score.complaint"), 0.5, None)),
        ("score.complaint:<-0.5", Range(field("score.complaint"), None, -0.5, False, False)),
        ("score.complaint:-0.5", Equals(field("score.complaint"), -0.5)),
        ("score.x:(-1 OR 2)", Any((Equals(field("score.x"), -1.0), Equals(field("score.x"), 2.0)))),
        ("score.complaint:(>0.25 AND <0.5)", parse("score.complaint:>0.25 AND score.complaint:<0.5")),
        ("score.complaint:[0.25 TO 0.5}", Range(field("score.complaint"), 0.25, 0.5, True, False)),
        ("score.complaint:{-1 TO *]", Range(field("score.complaint"), -1.0, None, False, True)),
        ("score.complaint:0.7", Equals(field("score.complaint"), 0.699999988079071)),
        ("audience:[10 TO 1e3]", Range(field("audience"), 10, 1000)),
        ('author:["A b" TO c]', Range(field("author"), "A b", "c")),
        ("attributes.campaign:x", Equals(field("document.attributes.campaign"), "x")),
        ("label.verdict:wrong", Equals(field("labels.verdict"), "wrong")),
        ("document.source_uri:https://x.org/a?", Wildcard(field("document.source_uri"), "https://x.org/a?")),
    ],
)
def test_query_means(query: str, node: Node) -> None:
    """A query is read as the tree it means."""
    assert parse(query) == node


@pytest.mark.parametrize(
    ("value", "first", "after"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("2026-11-22", "2026-11-22", "2026-11-23"),
        ("2026-11-22T10", "2026-11-22T10:00", "2026-11-22T11:00"),
        ("2026-11-22T10:05", "2026-11-22T10:05", "2026-11-22T10:06"),
        ("2026-11-22T10:05:07Z", "2026-11-22T10:05:07", "2026-11-22T10:05:08"),
        ("2026-11-22T10:05:07.5Z", "2026-11-22T10:05:07.5", "2026-11-22T10:05:07.6"),
        ("2026-11-22T10:05:07.123456Z", "2026-11-22T10:05:07.123456", "2026-11-22T10:05:07.123457"),
        ("2026-11-22T10:05+02:00", "2026-11-22T08:05", "2026-11-22T08:06"),
        ('"2026-11-22T10:05-0330"', "2026-11-22T13:35", "2026-11-22T13:36"),
        ("now", "2026-11-22T10:30:15.123456", "2026-11-22T10:30:15.123457"),
        ("now-1d/d", "2026-11-21", "2026-11-22"),
        ("now/M", "2026-11-01", "2026-12-01"),
        ("now/y", "2026-01-01", "2027-01-01"),
        ("now/w", "2026-11-16", "2026-11-23"),
        ("now+2h/h", "2026-11-22T12:00", "2026-11-22T13:00"),
        ("now/d+90m", "2026-11-22T01:30", "2026-11-22T01:30:00.000001"),
        ("now-9M/d", "2026-02-22", "2026-02-23"),
    ],
)
def test_a_date_is_the_span_that_it_names(value: str, first: str, after: str) -> None:
    """A date as a value means its whole span, as a bound the side of it that is included or left out."""
    low, high = moment(first), moment(after)
    time = field("time")
    assert parse(f"time:{value}", NOW) == Range(time, low, high, with_high=False)
    assert parse(f"time:>={value}", NOW) == Range(time, low, None, with_high=False)
    assert parse(f"time:>{value}", NOW) == Range(time, high, None, with_high=False)
    assert parse(f"time:<{value}", NOW) == Range(time, None, low, with_high=False)
    assert parse(f"time:<={value}", NOW) == Range(time, None, high, with_high=False)


def test_months_end_where_they_end() -> None:
    """A month before the 31st is the last day of the shorter month."""
    assert parse("time:>=now-1M", moment("2026-03-31")) == parse("time:>=2026-02-28")


@pytest.mark.parametrize(
    ("query", "position", "reason"),
    [
        ('text:"open', 5, "never closed"),
        ("a (b", 2, "never closed"),
        ("a b)", 3, "never opened"),
        ("()", 0, "nothing stands between"),
        ("score.x:[1 TO 2", 8, "never closed"),
        ("score.x:[1, 2]", 8, "LOW TO HIGH"),
        ("a ]", 2, "no beginning"),
        ("a AND", 5, "missing at the end"),
        ("AND a", 0, "AND"),
        ("a OR OR b", 5, "OR"),
        ("NOT", 3, "missing"),
        ("(a OR )", 6, "missing"),
        ("kind:", 0, "no value"),
        ("kind: AND a", 0, "no value"),
        ("a kindd:tweet", 2, "did you mean kind"),
        ("source_uri:x", 0, "document.source_uri"),
        ("re: your offer", 0, "quotes"),
        ("a :b", 2, "colon"),
        ("score.x:abc", 8, "not a number"),
        ("score.x:nan", 8, "not a number"),
        ("score.x:1_0", 8, "not a number"),
        ("score.x:1e99", 8, "too large"),
        ("score.x:>", 8, "a value belongs after"),
        ("score.x:>high", 9, "not a number"),
        ("score.x:1*", 8, r"\* and \? work on text"),
        ("audience:1.5", 9, "whole number"),
        ("audience:99999999999999999999", 9, "too large"),
        ("time:2026-13-01", 5, "month"),
        ("time:tomorrow", 5, "not a date"),
        ("time:now-1x", 5, "-1x"),
        ("time:0000", 5, "year"),
        ("text:>a", 5, "holds words"),
        ("text:[a TO b]", 5, "holds words"),
        ("[1 TO 2]", 0, "needs a field"),
        (">3", 0, "needs a field"),
        ("kind:/x.*/", 5, "regular expressions"),
        ("~2", 0, "right after"),
        ("text:a~3", 6, "from 0 to 2"),
        ("text:a~0.5", 6, "whole number"),
        ('text:"a b"~101', 10, "from 0 to 100"),
        ('text:"a b c d e f"~50', 5, "too large"),
        ('kind:"a b"~2', 10, "works on text"),
        ("score.x:1~1", 9, "cannot be searched with ~"),
        ("labels.a:b~1", 10, "cannot be searched with ~"),
        ("labels.a:b*c", 9, "at the end"),
        ("a^1.2.3", 1, "not a number"),
        ("a^9999999", 1, "1,000,000"),
        ("a^2" + "^2" * 6000, 3, "weighs twice"),
        ("a\\", 1, "backslash"),
        ("a \ud800", 2, "Unicode"),
    ],
)
def test_a_query_that_means_nothing_is_refused_with_its_place(query: str, position: int, reason: str) -> None:
    """An error says what is wrong, where, and shows the place."""
    with pytest.raises(QueryError, match=reason) as caught:
        parse(query)
    assert caught.value.position == position
    assert str(caught.value).splitlines()[-1] == "  " + " " * position + "^"


def test_long_and_deep_queries_are_refused() -> None:
    """Length, number of clauses and depth are bounded, each with an error of its own."""
    refused = {
        "a" * (MAX_LENGTH + 1): "longer than",
        "a " * (MAX_CLAUSES + 1): "more than 1,000",
        "(" * 5000 + "a" + ")" * 5000: "brackets are nested",
        " AND ".join(["NOT (a OR b"] * (MAX_DEPTH + 1)) + ")" * (MAX_DEPTH + 1): "levels deep",
    }
    for query, reason in refused.items():
        with pytest.raises(QueryError, match=reason):
            parse(query)
    assert parse("NOT " * 4001 + "a") == Not(word("a"))
    assert depth(parse("(" * 90 + "a" + ")" * 90)) == 1


@given(st.text(st.sampled_from('ab:"()[]{}^~*?\\/+-!&|<> ANDORTkindscore.x10é\n'), max_size=40))
def test_any_text_is_read_or_refused_with_a_place(query: str) -> None:
    """Whatever is typed gives a tree or an error with a place within the query."""
    position = _refused_at(query)
    assert position is None or 0 <= position <= len(query)


def _refused_at(query: str) -> int | None:
    try:
        parse(query)
    except QueryError as error:
        return -1 if error.position is None else error.position
    return None


@given(st.text(min_size=1, max_size=20))
def test_any_keyword_can_be_asked_for(value: str) -> None:
    """Any value can be written in quotes, with a backslash before quotes and backslashes."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'author:"{quoted}"') == Equals(field("author"), value)
