"""Asking a query of one record without a store."""

from __future__ import annotations

import pytest

from scorelens_store.query.evaluate import matches
from scorelens_store.query.parse import parse
from tests.scorelens_store import naive
from tests.scorelens_store.contract.test_queries import QUERIES
from tests.scorelens_store.records import START, corpus

CORPUS = corpus()


@pytest.mark.parametrize("query", QUERIES)
def test_a_record_matches_as_it_does_in_a_store(query: str) -> None:
    """The queries that every store is held to find the same records here."""
    node = parse(query, START)
    found = [record["record"]["id"] for record in CORPUS if matches(node, record)]
    assert found == [record["record"]["id"] for record in CORPUS if naive.matches(node, record)]


def test_a_record_that_no_store_would_take_matches_nothing() -> None:
    """A damaged line of a log is passed over."""
    assert not matches(parse("*"), {"document": {"id": "x"}})
    assert not matches(parse("*"), {"record": {"id": "x"}, "@timestamp": "yesterday"})
