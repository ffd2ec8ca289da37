"""Every field that a saved object names is in the mapping, with a type that serves."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from scorelens_client.kibana.objects import saved_objects
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import LETTERS, data_view_id
from scorelens_store.elasticsearch.dead_letters import MAPPINGS
from scorelens_store.elasticsearch.mapping import build_mappings
from scorelens_store.query.parse import parse
from tests.scorelens_client.kibana.corpus import VIEW
from tests.scorelens_client.kibana.walking import Use, queries, uses

VIEWS = {"no tags": KibanaView(), "tags": VIEW, "fifty tags": KibanaView(tags=tuple(f"t-{n}" for n in range(50)))}
SERVES = {
    "number": {"float", "long"},
    "keyword": {"keyword"},
    "date": {"date"},
    "anything": {"float", "long", "keyword", "date", "text", "boolean"},
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_field_that_is_used_is_mapped_as_its_use_needs(view: KibanaView) -> None:
    """No panel, column, control, label or format names a field that is not there or cannot be used so."""
    found = [use for saved in saved_objects(view) for use in uses(saved)]

    assert len({use.field for use in found}) > 20
    assert [use for use in found if type_of(use, view) not in SERVES[use.need]] == []


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_query_names_only_fields_of_the_query_language(view: KibanaView) -> None:
    """Every query is also one that `scorelens search` reads, which refuses fields that no record has."""
    found = [query for saved in saved_objects(view) for _, query in queries(saved)]

    assert {query["language"] for query in found} == {"lucene"}
    assert all(parse(query["query"]) for query in found if query["query"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('\\"sourceField\\":\\"document.kind\\"', '\\"sourceField\\":\\"document.text\\"'),
        ('\\"sourceField\\":\\"rpc.duration_ms\\"', '\\"sourceField\\":\\"rpc.duration\\"'),
        ('\\"fieldName\\":\\"tags\\"', '\\"fieldName\\":\\"calculation\\"'),
        ('\\"document.audience\\":{\\"id\\":\\"number\\"', '\\"document.text\\":{\\"id\\":\\"number\\"'),
        ('"columns":["document.kind"', '"columns":["document.sort"'),
        ('\\"sourceField\\":\\"reason.keyword\\"', '\\"sourceField\\":\\"reason\\"'),
        ('"columns":["reason"', '"columns":["tags"'),
    ],
    ids=[
        "terms of text",
        "no such number",
        "control of what is not mapped",
        "format of text",
        "no such column",
        "terms of a letter's text",
        "a record's column of letters",
    ],
)
def test_a_wrong_field_is_found(before: str, after: str) -> None:
    """The check above fails when a field is exchanged for one that does not serve."""
    whole = json.dumps(saved_objects(VIEW), separators=(",", ":"))
    assert before in whole

    broken = [use for saved in json.loads(whole.replace(before, after)) for use in uses(saved)]

    assert any(type_of(use, VIEW) not in SERVES[use.need] for use in broken)


def type_of(use: Use, view: KibanaView) -> str | None:
    """Return the type that the mapping of its index gives a field, its dynamic templates included."""
    if use.view == data_view_id(view.prefix, LETTERS):
        return _type_in(MAPPINGS, use.field)
    assert use.view == data_view_id(view.prefix)
    return _type_in(build_mappings(), use.field)


def _type_in(mappings: dict[str, Any], field: str) -> str | None:
    node: dict[str, Any] = mappings
    for part in field.split("."):
        node = {**node.get("properties", {}), **node.get("fields", {})}.get(part, {})
    if node.get("type") == "alias":
        return _type_in(mappings, node["path"])
    if "type" in node and node["type"] != "object":
        return str(node["type"])
    for template in mappings.get("dynamic_templates", ()):
        for rule in template.values():
            if any(fnmatchcase(field, pattern) for pattern in rule["path_match"]):
                return str(rule["mapping"]["type"])
    return None
