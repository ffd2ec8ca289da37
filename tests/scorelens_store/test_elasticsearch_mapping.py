"""No record is lost to the mapping: whatever names, types and lengths come, the rest is searched, and it is counted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.contract import Outcome, PutResult, Selection
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore, open_store
from scorelens_store.elasticsearch.mapping import to_record, to_source
from scorelens_store.elasticsearch.unindexed import UNINDEXED, names_apart, split
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from scorelens_store.values import field_values
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import make, record_id
from tests.scorelens_store.server import ask, reply

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
MANY = 10_000
LIMIT = 1_536


def nested(depth: int, value: Any) -> Any:
    """Return a value below so many names."""
    for _ in range(depth):
        value = {"n": value}
    return value


# Attributes that the server refuses a whole record for.
REFUSED_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "a NUL in the name": {"a\0b": "x"},
    "a long name": {"k" * 32_000: "x"},
    "a long name and a long value": {"ä" * 4_100: "日" * 8_000},
    "a name longer than any": {"k" * 1_000_000: "x"},
    "one level too deep": nested(21, "x"),
    "far too deep": nested(60, "x"),
    "some levels and a NUL": {"a": {"b\0": {"c": [1, 2]}, "d": "kept"}},
    "names that look alike": {"a": {"b\0": 1}, "a.b\0": 2},
}
# Attributes that are unusual, and that it takes.
TAKEN_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "no name": {"": "x"},
    "dots": {".": "x", "a..b": "y", ".c.": 1},
    "blanks": {" ": "x"},
    "a NUL in the value": {"a": "x\0y"},
    "a long value": {"a": "x" * 40_000},
    "the longest name and value": {"日" * 2_730: "日" * 8_191},
    "as deep as it takes": nested(20, "x"),
    "nulls and nothing": {"a": None, "b": {}, "c": []},
}
REFUSED_TAGS: dict[str, dict[str, Any]] = {
    "no name": {"": 0.5},
    "a blank name": {" \t": 0.5},
    "a long name": {"t" * 600: 0.5},
    "a name longer than any": {"t" * 60_000: 0.5},
}
TAKEN_TAGS: dict[str, dict[str, Any]] = {
    "dots": {".": 0.5, "a..b": 0.1, "c.": 0.2},
    "what fields of the server are called": {"_id": 0.5, "_source": 0.25},
    "a star, a NUL, a space": {"a*": 0.5, "b\0": 0.25, "c d": 0.75},
    "a name within a name": {"a": 0.5, "a.b": 0.25},
    "the longest name": {"t" * 512: 0.5},
}


@pytest.fixture(scope="module")
def settings(elasticsearch_url: str) -> Iterator[ElasticsearchSettings]:
    """Settings with a prefix of the module's own, and the usual limit of fields."""
    own = ElasticsearchSettings(prefix=f"names-{secrets.token_hex(6)}", period="month", replicas="0")
    assert own.number_fields == LIMIT
    yield own
    drop(elasticsearch_url, own.prefix)


@pytest.fixture(scope="module")
def store(elasticsearch_url: str, settings: ElasticsearchSettings) -> Iterator[ElasticsearchStore]:
    """A store that the tests share; each uses records of a month of its own."""
    opened = open_store(elasticsearch_url, settings)
    yield opened
    opened.close()


def put(store: ElasticsearchStore, year: int, parts: list[dict[str, Any]]) -> list[PutResult]:
    """Store records that have these parts in January of a year; each must be stored and come back as it was."""
    records = [
        make(number + 100 * year, **{"@timestamp": f"{year}-01-01T00:00:00Z"}, **part)
        for number, part in enumerate(parts)
    ]
    results = store.put(records)
    assert [(result.outcome, result.reason) for result in results] == [(Outcome.STORED, "")] * len(parts)
    for record in records:
        assert store.get(record["record"]["id"]) == record
    return results


def count(store: ElasticsearchStore, query: str) -> int:
    """Return how many records of all years match."""
    return store.count(Selection(parse(query), purposes=(), calls=True))


def test_thousands_of_tags_features_and_attributes(store: ElasticsearchStore) -> None:
    """Ten thousand of each in one record: it is whole, tags are searched up to the limit, the others are counted."""
    tags = {f"t{number:05}": number / MANY for number in range(MANY)}
    attributes = {f"a{number:05}": number for number in range(MANY)}
    document = {"id": "many", "text": "still found", "attributes": attributes}
    because = [f"t{number:05}:feature {number}" for number in range(MANY)]
    (result,) = put(store, 2001, [{"score": tags, "tags": list(tags), "because": because, "document": document}])
    assert result.unmapped_fields == MANY - LIMIT
    assert count(store, "id:many AND tag:t09999 AND attributes.a09999:9999 AND because:*9999") == 1
    searched = sum(count(store, f"id:many AND score.t{number:05}:<=1") for number in range(0, MANY, 500))
    assert 0 < searched < 20


def test_attributes_of_conflicting_types(store: ElasticsearchStore) -> None:
    """What is a string here may be a number there and an object elsewhere; each is found by its own value."""
    values = ["text", 17, 1.5, True, {"b": "deep"}, ["x", 2, False], {"b": {"c": 1}}, None, {"": {"": "odd"}}]
    put(store, 2002, [{"document": {"id": f"c{n}", "attributes": {"a": value}}} for n, value in enumerate(values)])
    put(store, 2003, [{"resource": {"a": value}, "labels": {"v": n}} for n, value in enumerate(values)])
    for query in ("attributes.a:text", "attributes.a:17", "attributes.a:true", "attributes.a.b:deep", "attributes.a:2"):
        assert count(store, query) == 1, query
    assert count(store, "resource.a.b.c:1 AND label.v:6") == 1


@pytest.mark.parametrize("place", ["attributes", "resource", "labels"])
def test_attributes_that_the_server_refuses(store: ElasticsearchStore, place: str) -> None:
    """They are kept apart and counted, in a record that is stored, comes back as it was and is found by all else."""
    year = {"attributes": 2004, "resource": 2005, "labels": 2006}[place]
    odd = {**REFUSED_ATTRIBUTES, **TAKEN_ATTRIBUTES}
    parts = [
        {"document": {"id": name, "attributes": {**value, "ok": place}}}
        if place == "attributes"
        else {place: {**value, "ok": place}, "document": {"id": name}}
        for name, value in odd.items()
    ]
    results = put(store, year, parts)
    apart = {name: result.unmapped_fields for name, result in zip(odd, results, strict=True)}
    assert apart == {name: 2 if name == "names that look alike" else int(name in REFUSED_ATTRIBUTES) for name in odd}
    name = {"attributes": "attributes", "resource": "resource", "labels": "label"}[place]
    assert count(store, f"{name}.ok:{place}") == len(odd)
    assert count(store, f"{name}.a.d:kept") == 1


def test_tags_that_the_server_refuses(store: ElasticsearchStore) -> None:
    """Names that no field can have are kept apart and counted; all others are fields, however odd."""
    odd = {**REFUSED_TAGS, **{f"taken: {name}": value for name, value in TAKEN_TAGS.items()}}
    results = put(store, 2007, [{"score": {**value, "ok": 0.5}, "margin": {"ok": -1.0}} for value in odd.values()])
    assert [result.unmapped_fields for result in results] == [int(name in REFUSED_TAGS) for name in odd]
    assert count(store, "@timestamp:2007-01-01 AND score.ok:0.5") == len(odd)
    assert count(store, "@timestamp:2007-01-01 AND score.a.b:0.25") == 1


def test_labels_that_the_server_refuses_can_be_given(store: ElasticsearchStore) -> None:
    """A label of any name is kept, and replaced by the next of that name, beside those of others."""
    (_,) = put(store, 2008, [{"labels": {"odd\0": "first", "plain": 1}}])
    one = record_id(100 * 2008)
    store.annotate(one, {"odd\0": "second", "k" * 40_000: True})
    store.annotate(one, {"plain": 2})
    record = store.get(one)
    assert record is not None
    assert record["labels"] == {"odd\0": "second", "k" * 40_000: True, "plain": 2}
    assert count(store, "label.plain:2") == 1


NAMES = st.text(st.sampled_from("ab.\0 日"), max_size=3) | st.sampled_from(["k" * 9_000, "日" * 2_731, "t" * 513])
MEMBERS = st.recursive(
    st.floats(0, 1) | st.text(max_size=2) | st.lists(st.integers(0, 9), max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, MEMBERS, max_size=4)


@given(attributes=OBJECTS, resource=OBJECTS, labels=OBJECTS, scores=st.dictionaries(NAMES, st.floats(0, 1), max_size=4))
def test_what_is_kept_apart_comes_back(
    attributes: dict[str, Any], resource: dict[str, Any], labels: dict[str, Any], scores: dict[str, Any]
) -> None:
    """Whatever a record has comes back from what is stored for it, which leaves the record itself as it was."""
    parts: dict[str, Any] = {"resource": resource, "labels": labels, "score": scores, "margin": dict(scores)}
    record = {"document": {"id": "d", "attributes": attributes}, **parts}
    before = repr(record)
    stored = split(record)
    assert repr(record) == before
    assert bool(names_apart(stored)) == (UNINDEXED in stored)
    assert all("\0" not in name for name in _names([stored["resource"], stored["labels"], stored["document"]]))
    assert all(name.strip() for name in _names([stored["score"], stored["margin"]]))
    assert _joined(stored) == record


def _names(value: Any) -> Iterator[str]:
    for part in value if isinstance(value, list) else ():
        yield from _names(part)
    for name, part in value.items() if isinstance(value, dict) else ():
        yield name
        yield from _names(part)


def _joined(stored: dict[str, Any]) -> dict[str, Any]:
    return to_record(orjson.loads(orjson.dumps(stored)))


def test_ordinary_records_are_stored_as_they_are() -> None:
    """Nothing is copied or looked through twice for a record as the indexer makes them."""
    record = make(1, score={"a": 0.5}, resource={"k8s.pod.name": "p"}, document={"attributes": {"x": "y"}})
    assert split(record) is record
    assert set(to_source(record, field_values(record))) == {*record, "microseconds"}


LONG = ("nothing of note here, " * 250_000) + "the refund never came"


@pytest.fixture(scope="module")
def long_text(store: ElasticsearchStore) -> str:
    """Return the id of a document with five and a half million characters."""
    put(store, 2010, [{"document": {"id": "long", "text": LONG, "length": len(LONG)}}])
    return "long"


def test_kibana_marks_words_of_a_very_long_text(
    elasticsearch_url: str, settings: ElasticsearchSettings, long_text: str
) -> None:
    """A search that has the server mark all words of all fields, as Kibana's does, succeeds and marks the last one."""
    query = {"query_string": {"query": f"document.id:{long_text} AND refund", "fields": ["document.text"]}}
    for number in (2_147_483_647, 0):
        marks: dict[str, Any] = {"pre_tags": ["<"], "post_tags": [">"], "fields": {"*": {}}, "fragment_size": number}
        found = ask(
            elasticsearch_url,
            "POST",
            f"/{settings.prefix}/_search",
            {"query": query, "highlight": marks, "_source": False},
        )
        (hit,) = found["hits"]["hits"]
        assert any("the <refund> never came" in snippet for snippet in hit["highlight"]["document.text"])


def test_without_the_setting_the_server_would_refuse(
    elasticsearch_url: str, settings: ElasticsearchSettings, long_text: str
) -> None:
    """The server's own limit fails such a search, which is why the template lifts it."""
    name = f"{settings.prefix}-2010.01"
    path = f"/{name}/_settings"
    ask(elasticsearch_url, "PUT", path, {"index": {"highlight": {"max_analyzed_offset": None}}})
    query = {"match": {"document.text": "refund"}}
    marks: dict[str, Any] = {"fields": {"document.text": {}}}
    try:
        status, answer = reply(
            elasticsearch_url, "POST", f"/{name}/_search", {"query": query, "highlight": marks, "_source": False}
        )
        assert (status, "max_analyzed_offset" in str(answer)) == (400, True)
    finally:
        ask(elasticsearch_url, "PUT", path, {"index": {"highlight": {"max_analyzed_offset": 2_147_483_647}}})


def test_the_store_marks_words_of_a_very_long_text(store: ElasticsearchStore, long_text: str) -> None:
    """A search with highlights, which the client makes itself, finds the one word at the end."""
    hits = store.search(Selection(parse(f"id:{long_text} AND refund")), highlight=True).hits
    assert ["\x02refund\x03" in "".join(hit.highlights["document.text"]) for hit in hits] == [True]
