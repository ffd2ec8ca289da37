"""Queries for records by what people call them."""

from __future__ import annotations

from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Any as AnyOf
from scorelens_store.query.tree import Equals, Node


def named(field: str, *values: str) -> Node:
    """Return a query for any of some keywords, taken as they are; what is not Unicode matches nothing."""
    texts = (value.encode("utf-8", "replace").decode() for value in values)
    parts = tuple(Equals(FIELDS[field], text) for text in texts)
    return parts[0] if len(parts) == 1 else AnyOf(parts)
