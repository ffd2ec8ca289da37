"""Queries with full names in Lucene's syntax, which Kibana hands to the server as they are."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings

from scorelens_store.contract import Store
from scorelens_store.elasticsearch import ElasticsearchSettings
from scorelens_store.elasticsearch.lucene import caveats, to_lucene
from scorelens_store.open import open_store
from scorelens_store.query import tree
from scorelens_store.query.parse import parse
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.contract.test_queries import CORPUS, QUERIES, TREES, expected

Search = Callable[[str], set[str]]
NOW = datetime(2026, 11, 22, 9, 30, 0, 123000, tzinfo=UTC)


@pytest.fixture(scope="module")
def search(elasticsearch_url: str) -> Iterator[Search]:
    """Asks a server with the corpus as Kibana does, with its default options; returns the ids of what matches."""
    prefix = f"test-{secrets.token_hex(6)}"
    store: Store = open_store(elasticsearch_url, ElasticsearchSettings(prefix=prefix, period="month", replicas="0"))
    store.put(CORPUS)

    def run(query: str) -> set[str]:
        body = {"query": {"query_string": {"query": query, "analyze_wildcard": True}}, "_source": False, "size": 1000}
        request = urllib.request.Request(
            f"{elasticsearch_url}/{prefix}/_search", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return {hit["_id"] for hit in json.load(answer)["hits"]["hits"]}

    yield run
    store.close()
    drop(elasticsearch_url, prefix)


@pytest.mark.parametrize("query", QUERIES)
def test_the_printed_query_finds_the_same(search: Search, query: str) -> None:
    """What is printed finds on the server what the query finds in every store, or its caveat says that it is near."""
    node = parse(query, NOW)
    found = search(to_lucene(node))
    if any(caveats(node)):
        assert found >= expected(node) or "~" in query
    else:
        assert found == expected(node)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_any_tree_finds_the_same(search: Search, node: tree.Node) -> None:
    """Trees of every kind match the same records when they are printed and read by the server."""
    if not any(caveats(node)):
        assert search(to_lucene(node)) == expected(node)
