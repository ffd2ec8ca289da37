"""Which names of scores, margins and thresholds an index searches, and which its limit kept out."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.mapping import NUMBERS
from scorelens_store.values import Values

_PREFIXES: Final = tuple(f"{name}." for name in NUMBERS)


def names_of(values: Values) -> set[str]:
    """Return the names of the open number fields that a record has."""
    return {name for name in values if name.startswith(_PREFIXES)}


_ASK_AGAIN: Final = 600.0
"""Seconds after which it may be that an index was made anew, and has room for more names."""


class NumberFields:
    """Remembers the fields of each index; asks the server only when a name is new, or has had no room for long."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._mapped: dict[str, set[str]] = {}
        self._beyond: dict[str, set[str]] = {}
        self._asked: dict[str, float] = {}

    def unmapped(self, index: str, names: Collection[str]) -> int:
        """Return how many of the names of a stored record the index does not search."""
        beyond = self._beyond.setdefault(index, set())
        if beyond and time.monotonic() - self._asked[index] > _ASK_AGAIN and not beyond.isdisjoint(names):
            beyond.clear()
        new = set(names).difference(self._mapped.get(index, ()), beyond)
        if new:
            self._mapped[index] = self._ask(index)
            self._asked[index] = time.monotonic()
            beyond |= new - self._mapped[index]
        return len(beyond.intersection(names))

    def forget(self, index: str) -> None:
        """Ask again for an index, which was removed."""
        self._mapped.pop(index, None)
        self._beyond.pop(index, None)

    def _ask(self, index: str) -> set[str]:
        found: dict[str, Any] = self._connection.request("GET", f"/{index}/_mapping") or {}
        # Under its own name, which is another one where the records were indexed anew.
        mapping: dict[str, Any] = next(iter(found.values()), {})
        properties = mapping.get("mappings", {}).get("properties", {})
        return {f"{parent}.{name}" for parent in NUMBERS for name in properties.get(parent, {}).get("properties", {})}
