"""Selections within selections, and buckets of what was counted in them (pure)."""

from __future__ import annotations

from dataclasses import replace

from scorelens_store.contract import AggregationResult, Bucket, Selection
from scorelens_store.query.tree import All, Everything, Node


def both(selection: Selection, node: Node) -> Selection:
    """Return the records of a selection that a query matches, too."""
    query = node if isinstance(selection.query, Everything) else All((selection.query, node))
    return replace(selection, query=query)


def buckets(result: AggregationResult) -> list[Bucket]:
    """Return the buckets of a counting aggregation."""
    return [one for one in result if isinstance(one, Bucket)]


def quoted(value: str) -> str:
    """Return a value as a query takes it, whatever signs it has."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
