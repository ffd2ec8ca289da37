"""Stores to migrate from and to, and what watches a run."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scorelens_client.migrating.report import Report
from scorelens_client.migrating.run import Plan, Run
from scorelens_store.contract import Reader, Record, Selection
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.moving import Source, Target, open_source, open_target
from scorelens_store.query.tree import Everything
from tests.scorelens_store.conftest import drop

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
MONTHLY: dict[str, Any] = {"period": "month", "replicas": "0"}


def place(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Name a store of a kind that has nothing yet."""
    if kind == "embedded":
        yield str(folder / secrets.token_hex(4))
        return
    url: str = request.getfixturevalue("elasticsearch_url")
    prefix = f"test-{secrets.token_hex(6)}"
    yield f"{url}#{prefix}"
    drop(url, prefix)


def source(where: str) -> Source:
    """Open for reading."""
    return open_source(where, **(MONTHLY if where.startswith("http") else {}))


def target(where: str) -> Target:
    """Open for writing."""
    return open_target(where, **(MONTHLY if where.startswith("http") else {}))


def fill(where: str, records: list[Record]) -> None:
    """Put records into a place."""
    store = target(where)
    for start in range(0, len(records), 40):
        store.put(records[start : start + 40])
    store.close()


def everything(store: Reader) -> list[Record]:
    """Return what a store has, in order."""
    return list(store.scan(EVERYTHING))


class Watcher:
    """Keeps what a run says, and does things in the middle of it."""

    def __init__(self, at_step: Callable[[int], None] = lambda number: None) -> None:
        self.expected = self.compared = self.copied = self.steps = 0
        self.rejected: dict[str, str] = {}
        self.waited: list[str] = []
        self._at_step = at_step

    def expect(self, records: int) -> None:
        """Keep how many are expected."""
        self.expected = records

    def step(self, compared: int, copied: int) -> None:
        """Count, and do what is to be done now."""
        self.compared, self.copied = self.compared + compared, self.copied + copied
        self.steps += 1
        self._at_step(self.steps)

    def reject(self, record: Record, reason: str) -> None:
        """Keep the reason."""
        self.rejected[record["record"]["id"]] = reason

    def wait(self, error: StoreUnavailableError) -> None:
        """Keep the error."""
        self.waited.append(str(error))


def migrate(
    begin: str,
    end: str,
    watcher: Watcher | None = None,
    plan: Plan | None = None,
    sleep: Callable[[float], None] = lambda seconds: None,
) -> Report:
    """Migrate as the command does."""
    reading, filling = source(begin), target(end)
    try:
        return Run(reading, filling, plan or Plan(), watcher or Watcher(), sleep).migrate()
    finally:
        filling.close()
        reading.close()
