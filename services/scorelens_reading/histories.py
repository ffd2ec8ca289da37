"""All scores of one document, found by what people call it; shared by the commands and the SDK."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from scorelens_reading.naming import named
from scorelens_reading.seen import purposes_of
from scorelens_store.contract import Reader, Record, Selection, Sort
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Wildcard

MOST_SCORES: Final = 20
SHOWN_OF_ID: Final = 12
"""Digits of a record's id that listings show."""


def find_history(reader: Reader, name: str, most: int = MOST_SCORES) -> tuple[Sequence[Record], int]:
    """Return the latest records of a document, or the one of a record id, and how many there are in all."""
    selection = Selection(named("document.id", name), purposes=purposes_of(reader))
    hits = reader.search(selection, limit=most, sort=Sort("@timestamp"))
    if hits.hits:
        return [hit.record for hit in hits.hits], hits.total
    record = reader.get(name) or get_by_beginning(reader, name)
    return ([record], 1) if record and "document" in record else ([], 0)


def get_by_beginning(reader: Reader, name: str) -> Record | None:
    """Return the one record whose id begins as listings show it."""
    if not re.fullmatch(f"[0-9a-f]{{{SHOWN_OF_ID},}}", name):
        return None
    selection = Selection(Wildcard(FIELDS["record.id"], name + "*"), purposes=purposes_of(reader))
    hits = reader.search(selection, limit=2).hits
    return hits[0].record if len(hits) == 1 else None


def find_in(records: Sequence[Record], record_id: str) -> Record | None:
    """Return the record with an id, or with an id that begins so."""
    for record in records:
        own = record["record"]["id"]
        if own == record_id or (len(record_id) >= SHOWN_OF_ID and own.startswith(record_id)):
            return record
    return None


def to_explain(records: Sequence[Mapping[str, Any]]) -> Any:
    """Return the latest record that has a calculation, or the latest."""
    return next((record for record in records if record.get("calculation")), records[0])
