"""How a query may go on."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from scorelens_console.access.policy import is_open_to_viewers
from scorelens_console.core.suggest import suggestions
from scorelens_console.core.tagbook import Tag, Tagbook
from scorelens_store.fields import Field
from scorelens_store.query.parse import parse

TAGBOOK = Tagbook(
    {
        "complaint": Tag("complaint", "Complaint", "topic", "m"),
        "brand_acme": Tag("brand_acme", "Acme Bank", "brand", "m"),
    },
    {"m": ("1",)},
)


def values(field: Field) -> Iterable[tuple[str, int]]:
    """Return the values that the fields of these tests have."""
    return {
        "document.kind": [("tweet", 1200), ("chat", 3)],
        "document.source": [('a "b" c', 5), ("a-b", 2)],
        "tags": [("complaint", 7), ("brand_acme", 2)],
    }.get(field.name, [])


def shown(query: str, scientist: bool = True) -> list[str]:
    """Return the queries that are suggested."""
    found = suggestions(query, TAGBOOK, values, (lambda _: True) if scientist else is_open_to_viewers)
    return [one.query for one in found]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("kin", "kind:"),
        ("refund AND ki", "refund AND kind:"),
        ("-ki", "-kind:"),
        ("(ki", "(kind:"),
        ("kind:tw", "kind:tweet "),
        ("kind:", "kind:chat "),
        ("acm", "tag:brand_acme "),
        ("tag:acme", "tag:brand_acme "),
        ("score.comp", "score.complaint:"),
        ("source:a", 'source:"a \\"b\\" c" '),
        ('source:"a', "source:a-b "),
    ],
)
def test_the_last_word_is_completed(query: str, found: str) -> None:
    """Fields, tags by their title, and values, quoted where they need it; what stands before stays."""
    assert found in shown(query)


@pytest.mark.parametrize("query", ["kind:", "source:a", "tag:c", "acme"])
def test_whole_suggestions_are_queries(query: str) -> None:
    """What is complete can be searched for as it is."""
    assert [parse(one) for one in shown(query)]


@pytest.mark.parametrize("query", ["", "refund ", "x", "nothing_like_it:", "text:ref", '"'])
def test_nothing_is_suggested_where_nothing_is_known(query: str) -> None:
    """No list opens for words of texts, unknown fields or a single letter."""
    assert shown(query) == []


@pytest.mark.parametrize("query", ["marg", "because:c", "thresh", "flag", "label", "margin.comp", "rpc"])
def test_viewers_are_offered_nothing_of_the_scientists(query: str) -> None:
    """Fields that a viewer may not search by are not named to them."""
    assert shown(query, scientist=False) == []
