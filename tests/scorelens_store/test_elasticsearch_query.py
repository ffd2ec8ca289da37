"""The pure parts of the Elasticsearch store: queries, names of indices, the mapping, the order of hits."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from re import fullmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.elasticsearch.indices import generation, generation_name, index_name, period_end, writing_name
from scorelens_store.elasticsearch.mapping import EXACT, build_mappings, to_record, to_source
from scorelens_store.elasticsearch.order import Order
from scorelens_store.elasticsearch.query import to_query
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.templates import index_template
from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS, find_field
from scorelens_store.query import tree
from scorelens_store.query.parse import parse
from scorelens_store.values import field_values
from tests.scorelens_store.naive import matches
from tests.scorelens_store.records import corpus, make

MOMENTS = st.datetimes(datetime(1, 1, 8), datetime(9999, 11, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("refund", ["document.title", "document.text", "activity.text"]),
        ("kind:tweet", {"constant_score": {"filter": {"term": {"document.kind": {"value": "tweet"}}}, "boost": 0}}),
        ("text:refund", {"term": {"document.text": {"value": "refund"}}}),
        (
            "text:refund AND kind:(tweet OR chat) AND NOT tag:x",
            {
                "bool": {
                    "must": [{"term": {"document.text": {"value": "refund"}}}],
                    "filter": [
                        {"constant_score": {"filter": {"terms": {"document.kind": ["tweet", "chat"]}}, "boost": 0}}
                    ],
                    "must_not": [{"constant_score": {"filter": {"term": {"tags": {"value": "x"}}}, "boost": 0}}],
                }
            },
        ),
    ],
)
def test_words_weigh_and_the_rest_selects(query: str, expected: object) -> None:
    """Words of texts are scored; keywords, numbers and dates are filters that add nothing to the weight."""
    found = to_query(parse(query))
    if isinstance(expected, list):
        assert [next(iter(part["term"])) for part in found["bool"]["should"]] == expected
    else:
        assert found == expected


def test_dates_are_compared_as_microseconds() -> None:
    """A bound of a date keeps all six digits, which the server's own dates do not."""
    moment = datetime(2026, 11, 22, 10, 0, 0, 123456, UTC)
    found = to_query(tree.Range(FIELDS["@timestamp"], moment, None, with_low=False))
    assert found["constant_score"]["filter"] == {"range": {f"{EXACT}.time": {"gt": 1795341600123456}}}


@pytest.mark.parametrize("pattern", ["a*b", "*", "?x*"])
def test_open_keywords_take_only_prefixes(pattern: str) -> None:
    """A wildcard that the server cannot run on open fields is an error that names the field."""
    field = find_field("attributes.campaign")
    assert field is not None
    if pattern == "*":
        assert to_query(tree.Wildcard(field, pattern))["constant_score"]["filter"] == {
            "prefix": {field.name: {"value": ""}}
        }
        return
    with pytest.raises(QueryError, match=r"document\.attributes\.campaign"):
        to_query(tree.Wildcard(field, pattern))


@given(st.text("ab.", min_size=1, max_size=4), st.text("ab.", max_size=6), st.sampled_from([1, 2]))
def test_short_words_are_near_by_a_regular_expression(word: str, other: str, distance: int) -> None:
    """Words too short for the server's own nearness are found by patterns that match exactly the same words."""
    field = FIELDS["document.author"]
    node = tree.Fuzzy(field, word, distance)
    found = to_query(node)["constant_score"]["filter"]
    if len(word) > 2 * distance:
        assert "fuzzy" in found
        return
    patterns = [next(iter(part["regexp"].values()))["value"] for part in found["dis_max"]["queries"][1:]]
    assert all(len(pattern) <= 1000 for pattern in patterns)
    assert any(fullmatch(pattern, other) for pattern in patterns) == matches(node, {"document": {"author": other}})


@pytest.mark.parametrize("period", ["day", "week", "month"])
@given(moment=MOMENTS)
def test_a_moment_lies_in_the_span_of_its_index(period: str, moment: datetime) -> None:
    """The name of an index is of its span: the moment before its end has the same name, the end has the next."""
    name = index_name("logs", period, moment)
    end = period_end("logs", name)
    assert end is not None
    assert moment < end
    assert index_name("logs", period, end - timedelta(microseconds=1)) == name
    assert index_name("logs", period, end) != name


@pytest.mark.parametrize("period", ["day", "week", "month"])
@given(moment=MOMENTS, number=st.integers(2, 999_999_999))
def test_an_index_made_anew_keeps_its_span(period: str, moment: datetime, number: int) -> None:
    """Indexing again adds a number to an index's name, by which it stays in its span and under the writers' name."""
    name = index_name("a-b", period, moment)
    anew = generation_name("a-b", name, number)
    assert period_end("a-b", anew) == period_end("a-b", name)
    assert (writing_name("a-b", anew), generation("a-b", anew)) == (name, number)
    assert (writing_name("a-b", name), generation("a-b", name)) == (name, 1)
    assert generation_name("a-b", anew, number + 1) == f"{name}-{number + 1}"


@pytest.mark.parametrize(
    "name",
    [
        "logs-forgotten",
        "logs-x-2026.11.22",
        "log-2026.11.22",
        "logs-2026.13.01",
        "logs-2026",
        "logs-2026.11.22-1",
        "logs-2026.11.22-02",
        "logs-2026.11.22-2-2",
        "logs-2026.11.22-",
    ],
)
def test_foreign_indices_are_never_taken_for_old_ones(name: str) -> None:
    """Retention deletes only indices whose name says that they are of the prefix and old."""
    assert period_end("logs", name) is None


def test_stored_documents_give_the_records_back() -> None:
    """What the store adds to a record for its own use is taken out again."""
    for record in corpus():
        assert to_record(to_source(record, field_values(record))) == record
    assert EXACT not in make(1)


def test_a_longer_prefix_goes_first() -> None:
    """Templates of prefixes that begin alike have different priorities, or the server would refuse the second."""
    priorities = [index_template(ElasticsearchSettings(prefix=prefix))["priority"] for prefix in ("a", "a-b", "a-b-c")]
    assert all(one < other for one, other in pairwise(priorities))


def test_only_open_number_objects_grow() -> None:
    """Nothing a record brings along can add fields to the mapping but the names of tags."""
    mappings = build_mappings()
    assert mappings["dynamic"] is False
    growing = [name for name, part in mappings["properties"].items() if part.get("dynamic")]
    assert growing == ["score", "margin", "threshold"]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("name", ["score.x", "audience", "kind", "published"])
def test_places_without_a_value_come_back(name: str, descending: bool) -> None:
    """A hit without the field has None in its place, and the listing goes on right after it."""
    order = Order(find_field(name), descending)
    missing = order.after((None, 5, "id"))
    assert order.place(missing) == (None, 5, "id")
    value = {"kind": "tweet"}.get(name, 0.5 if name == "score.x" else 7)
    assert order.place(order.after((value, 5, "id"))) == (value, 5, "id")
    assert order.place([math.inf, 5, "id"])[0] is None or name != "score.x" or descending


@pytest.mark.parametrize("place", [(1,), ("a", "b", "c"), (1, 2, 3)])
def test_a_place_that_is_none_is_refused(place: tuple[object, ...]) -> None:
    """`after` has to be the sort of a hit."""
    with pytest.raises(QueryError, match="`after`"):
        Order(None, descending=True).after(place)
