"""What a viewer's token gets of the API: two stores that differ in nothing that viewers may see answer the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorelens_store.query.as_json import write_node
from scorelens_store.query.tree import Node
from tests.scorelens_console.running import running
from tests.scorelens_console.twins import SECRET, twin
from tests.scorelens_store.trees import trees

SEEN: list[Any] = [
    "",
    "refund",
    'kind:tweet AND score.complaint:>0.2 -tag:refund "still no"~3',
    {"all": [{"equals": {"field": "tags", "value": "complaint"}}, {"exists": {"field": "document.title"}}]},
]
UNSEEN: list[Any] = [
    "margin.complaint:>0",
    'NOT because:"complaint:refund"',
    "refund OR flags:does_not_add_up^3",
    "_exists_:label.verdict",
    "record.type:call",
    {"any": [{"everything": {}}, {"not": {"exists": {"field": "threshold.refund"}}}]},
    {"boost": {"part": {"range": {"field": "margin.refund", "low": 1}}, "weight": 0}},
]
BEYOND: tuple[dict[str, Any], ...] = (
    {},
    {"calls": True},
    {"purposes": ["replay"]},
    {"purposes": ["all"]},
    {"purposes": []},
)
ROLES = ("viewer", "media-tagger=viewer", "viewer,secret-model=none")


def bodies(query: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a query is asked of each endpoint."""
    selected = {"query": query}
    for field in ("kind", "because", "flags", "purpose", "label.verdict", "service.name", "rpc.method"):
        yield "/aggregate", {**selected, "aggregations": {"a": {"terms": {"field": field, "sum_of": "audience"}}}}
        yield "/words", {**selected, "field": field, "least": 1, "limit": 50}
    for field in ("score.complaint", "margin.complaint", "threshold.refund", "duration", "sampling.probability"):
        for kind, more in (("histogram", {"width": 0.1}), ("statistics", {}), ("percentiles", {"percents": [50]})):
            yield "/aggregate", {**selected, "aggregations": {"a": {kind: {"field": field, **more}}}}
        yield "/aggregate", {**selected, "aggregations": {"a": {"terms": {"field": "kind", "sum_of": field}}}}
        yield "/search", {**selected, "sort": field, "limit": 50, "highlight": True}
        yield "/search", {**selected, "sort": field, "after": [0.5, 1, "a"]}
        yield "/pages", {**selected, "sort": f"{field}:asc", "limit": 50}
    for beyond in BEYOND:
        for path in ("/count", "/scan"):
            yield path, {**selected, **beyond}
        yield "/search", {**selected, **beyond, "highlight": True}
        yield "/words", {**selected, "against": {"query": "margin.refund:>0", **beyond}, "least": 1}


@pytest.fixture(scope="module", params=ROLES)
def people(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[httpx.Client]]:
    """The same viewer on two consoles."""
    with (
        running(tmp_path_factory.mktemp("first"), twin(1)) as first,
        running(tmp_path_factory.mktemp("second"), twin(2)) as second,
    ):
        yield [console.program(request.param) for console in (first, second)]


def same(people: list[httpx.Client], path: str, body: Any) -> httpx.Response:
    """Return the answer that both consoles give."""
    first, second = (person.post(path, json=body) for person in people)
    assert first.status_code == second.status_code < 500, (path, body, first.text, second.text)
    assert first.text == second.text, (path, body)
    assert SECRET not in first.text
    return first


@pytest.mark.parametrize("query", [*SEEN, *UNSEEN], ids=str)
def test_nothing_that_is_asked_tells_what_is_hidden(people: list[httpx.Client], query: Any) -> None:
    """Hits, counts, sums, words and errors are the same, whatever the hidden parts are."""
    answers = [same(people, path, body) for path, body in bodies(query)]
    assert {answer.status_code for answer in answers} == ({403} if query in UNSEEN else {200, 403})


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(node=trees(), path=st.sampled_from(("/count", "/search", "/scan", "/words")))
def test_no_tree_tells_what_is_hidden(people: list[httpx.Client], node: Node, path: str) -> None:
    """However a query is put together."""
    same(people, path, {"query": write_node(node)})


def test_records_are_the_same_one_by_one(people: list[httpx.Client]) -> None:
    """Also those that are not for viewers at all."""
    for one in twin(1):
        first, second = (person.get(f"/records/{one['record']['id']}") for person in people)
        assert first.status_code == second.status_code
        assert first.text == second.text
        assert SECRET not in first.text
