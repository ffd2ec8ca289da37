"""Which names of scores, margins and thresholds an index searches, and which its limit kept out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.mapping import NUMBERS
from scorelens_store.values import Values

_PREFIXES: Final = tuple(f"{name}." for name in NUMBERS)


def names_of(values: Values) -> set[str]:
    """Return the names of the open number fields that a record has."""
    return {name for name in values if name.startswith(_PREFIXES)}


class NumberFields:
    """Remembers the fields of each index; asks the server only when a name is new."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._mapped: dict[str, set[str]] = {}
        self._beyond: dict[str, set[str]] = {}

    def unmapped(self, index: str, names: Collection[str]) -> int:
        """Return how many of the names of a stored record the index does not search."""
        beyond = self._beyond.setdefault(index, set())
        new = set(names).difference(self._mapped.get(index, ()), beyond)
        if new:
            self._mapped[index] = self._ask(index)
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
