"""The page about the API."""

from __future__ import annotations

import httpx
import pytest

from scorelens_console.api.endpoints import ENDPOINTS
from scorelens_console.core.api_page import aggregations_of, operations_of, trees_of
from scorelens_reading.wire import AGGREGATIONS
from tests.scorelens_console.api.test_openapi import DESCRIPTION
from tests.scorelens_console.running import Running


def test_every_endpoint_is_explained(viewer: httpx.Client) -> None:
    """With what it does, its parameters, and a link that leads to it."""
    text = viewer.get("/api").text
    for one in ENDPOINTS:
        assert f"<code>{one.method} /api/v1{one.path}</code>" in text
    for anchor in {operation.anchor for operation in operations_of(DESCRIPTION)}:
        assert f'id="{anchor}"' in text
        assert f'href="#{anchor}"' in text


def test_the_example_works_as_it_stands(console: Running, viewer: httpx.Client) -> None:
    """Whoever copies it has a token and nothing else to fill in."""
    text = viewer.get("/api").text
    address = f"{console.url}/api/v1/search?query=kind:tweet&limit=3"
    assert address.replace("&", "&amp;") in text
    answer = httpx.get(address, headers={"Authorization": f"Bearer {console.token()}"})
    assert len(answer.json()["hits"]) == 3


@pytest.mark.parametrize(
    ("method", "path", "name", "kind", "default"),
    [
        ("GET", "/search", "limit", "whole number from 0 to 200", "10"),
        ("GET", "/search", "query", "text", '""'),
        ("POST", "/search", "query", "text or tree", '""'),
        ("POST", "/words", "against", "selection", ""),
        ("POST", "/pages", "limit", "whole number from 0", "required"),
        ("POST", "/aggregate", "aggregations", "object of aggregation", "required"),
    ],
)
def test_parameters_are_named_for_people(method: str, path: str, name: str, kind: str, default: str) -> None:
    """What each takes, and what it is without."""
    (operation,) = (one for one in operations_of(DESCRIPTION) if (one.method, one.path) == (method, path))
    (found,) = (one for one in operation.parameters if one.name == name)
    assert (found.type, found.default) == (kind, default)
    assert operation.parameters[0].name == "query"


def test_aggregations_and_trees_are_explained() -> None:
    """Each kind with its members."""
    assert [one.name for one in aggregations_of(DESCRIPTION)] == list(AGGREGATIONS)
    kinds = {one.name: [member.name for member in one.parameters] for one in trees_of(DESCRIPTION)}
    assert kinds["range"] == ["field", "low", "high", "with_low", "with_high"]
    assert all(one.says for one in (*aggregations_of(DESCRIPTION), *trees_of(DESCRIPTION)))


def test_it_is_for_those_who_are_signed_in(console: Running) -> None:
    """Others are led to sign in, and come back."""
    answer = console.visitor().get("/api")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=%2Fapi")
