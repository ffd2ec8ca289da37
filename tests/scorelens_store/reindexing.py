"""One prefix on a server, of which an index is made anew, and ways to look at it and to lose it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from scorelens_store.contract import Record, Selection
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.reindexing.report import Result
from scorelens_store.elasticsearch.reindexing.run import Reindexing
from scorelens_store.elasticsearch.setup import Setup
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.tree import Everything
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import START, make, record_id

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
FIRST, SECOND = "2026.11.20", "2026.11.21"


def of_first(number: int) -> str:
    """Return a time on the first day."""
    return (START + timedelta(minutes=number, microseconds=number)).isoformat()


def everything(store: ElasticsearchStore) -> list[Record]:
    """Return what a store has, in order."""
    return list(store.scan(EVERYTHING))


class Watcher:
    """Keeps what a run says, and does something when it comes to a step."""

    def __init__(self, at: Callable[[str], None] = lambda what: None) -> None:
        self.waited: list[str] = []
        self._at = at

    def step(self, what: str, done: int, total: int) -> None:
        """Do what is to be done now."""
        assert 0 <= done <= total
        self._at(what)

    def wait(self, error: StoreUnavailableError) -> None:
        """Keep the error."""
        self.waited.append(str(error))


class Prefix:
    """Forty records of one day and five of the next, one of them labelled."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.settings = ElasticsearchSettings(prefix=f"test-{secrets.token_hex(6)}", replicas="0")
        self.connection = Connection(url, self.settings)
        self.store = self.open()
        self.index = f"{self.settings.prefix}-{FIRST}"
        records = [make(number, **{"@timestamp": of_first(number)}) for number in range(40)]
        self.store.put([*records, *(make(number) for number in range(40, 45))])
        self.store.annotate(record_id(3), {"verdict": "wrong"})

    def close(self) -> None:
        """Remove all of it."""
        self.store.close()
        self.connection.close()
        drop(self.url, self.settings.prefix)

    def open(self, **changes: Any) -> ElasticsearchStore:
        """Open the store as another process would."""
        return ElasticsearchStore(self.url, replace(self.settings, **changes))

    def reindexing(self, connection: Connection | None = None) -> Reindexing:
        """Begin a run."""
        return Reindexing(connection or self.connection, self.settings, sleep=lambda seconds: None)

    def setup(self, **changes: Any) -> None:
        """Set the server up as settings say."""
        setup = Setup(self.connection, replace(self.settings, **changes))
        setup.apply(setup.plan())

    def run(self, watcher: Watcher | None = None, name: str = "", connection: Connection | None = None) -> Result:
        """Reindex one index from beginning to end."""
        reindexing = self.reindexing(connection)
        with reindexing.held():
            return reindexing.reindex(reindexing.find(name or self.index), watcher or Watcher())

    def names(self) -> dict[str, set[str]]:
        """Return all indices of the prefix, but for that of tombstones, with their aliases."""
        found = self.connection.request("GET", f"/{self.settings.prefix}-*?filter_path=*.aliases&expand_wildcards=all")
        return {
            name.removeprefix(f"{self.settings.prefix}-"): set(each.get("aliases", {}))
            for name, each in (found or {}).items()
            if not name.endswith("-forgotten")
        }

    def blocked(self) -> list[str]:
        """Return the indices that have a write block."""
        found = self.connection.request(
            "GET", f"/{self.settings.prefix}-*/_settings?filter_path=*.settings.index.blocks"
        )
        return sorted(found or {})
