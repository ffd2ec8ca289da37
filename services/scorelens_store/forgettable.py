"""The ids by which records are forgotten, however long they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from scorelens_store.contract import Reader, Record, Selection
from scorelens_store.query.tree import Everything
from scorelens_store.values import KEYWORD_LIMIT, Values

FIELDS: Final = ("record.id", "document.id", "customer.id")
_EVERYTHING: Final = Selection(Everything(), purposes=(), calls=True)


def ids_of(record: Record) -> Values:
    """Return the ids of a record by field, as a list each; what a record does not have is left out."""
    return {name: [one] for name in FIELDS if (one := _id(record, name))}


def find_long(reader: Reader, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the ids of records that have a wanted id which no index holds, by looking at every record."""
    long = {name: frozenset(one for one in ids if len(one) > KEYWORD_LIMIT) for name, ids in wanted.items()}
    return list(_matching(reader, long)) if any(long.values()) else []


def _matching(reader: Reader, long: Mapping[str, frozenset[str]]) -> Iterator[str]:
    for record in reader.scan(_EVERYTHING):
        if any(_id(record, name) in ids for name, ids in long.items()):
            yield record["record"]["id"]


def _id(record: Record, name: str) -> str:
    part, _, last = name.partition(".")
    found = record.get(part)
    one = found.get(last) if isinstance(found, dict) else None
    return one if isinstance(one, str) else ""
