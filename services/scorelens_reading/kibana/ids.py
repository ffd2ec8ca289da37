"""Ids of the saved objects: the same for the same store, so that a second import replaces the first."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("6f3a0c1e-9a55-5d0b-8d5e-0d6a5b1f2c47")


RECORDS: Final = "records"
LETTERS: Final = "dead-letters"
"""Names of the data views."""


def data_view_id(prefix: str, name: str = RECORDS) -> str:
    """Return the id of a data view, by default of the one that reads all records of a store."""
    return object_id(prefix, "index-pattern", name)


def dashboard_id(prefix: str, name: str) -> str:
    """Return the id of a dashboard, by its name in `dashboards.DASHBOARDS`."""
    return object_id(prefix, "dashboard", name)


def search_id(prefix: str, name: str) -> str:
    """Return the id of a saved search, by its name."""
    return object_id(prefix, "search", name)


def object_id(prefix: str, kind: str, name: str) -> str:
    """Return the id of any saved object of a store."""
    return str(uuid5(_NAMESPACE, f"{prefix}/{kind}/{name}"))
