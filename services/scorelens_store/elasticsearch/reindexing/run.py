"""One run: makes indices anew, one after the other, over outages of the server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scorelens_store.elasticsearch.bulk import Bulk
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.errors import NotAllowedError
from scorelens_store.elasticsearch.merging import merge_removed
from scorelens_store.elasticsearch.reindexing.attempt import LONGEST_PAUSE, PATIENCE, Attempt, VanishedError
from scorelens_store.elasticsearch.reindexing.copying import DivergedError
from scorelens_store.elasticsearch.reindexing.lock import ReindexError, ReindexLock
from scorelens_store.elasticsearch.reindexing.report import Result, Watcher
from scorelens_store.elasticsearch.reindexing.server import Server
from scorelens_store.elasticsearch.reindexing.state import Index
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.errors import StoreUnavailableError


@contextmanager
def open_reindexing(url: str, settings: ElasticsearchSettings) -> Iterator[Reindexing]:
    """Open what indexes anew; the server at the address need not answer yet. Raises SettingError."""
    connection = Connection(url, settings)
    try:
        yield Reindexing(connection, settings)
    finally:
        connection.close()


class Reindexing:
    """Indexes records of one prefix anew; `held` keeps out a second run."""

    def __init__(
        self, connection: Connection, settings: ElasticsearchSettings, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.server, self._sleep = Server(connection, settings.prefix), sleep
        # A request makes no index of what was deleted; and what a pipeline does to records it did when they came.
        options = "require_alias=true&pipeline=_none"
        self._bulk = Bulk(connection, settings.bulk_bytes, settings.retries, refresh=False, options=options)
        self._lock = ReindexLock(connection, settings.prefix, secrets.token_hex(8))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out, and lift what a killed one had blocked. Raises ReindexError."""
        self._lock.take()
        try:
            self.server.stop_runs()
            yield
        finally:
            self._lock.release()

    def indices(self) -> list[Index]:
        """Return the indices in use, by name."""
        return self.server.state().in_use()

    def find(self, name: str) -> Index:
        """Return the index of a name, its own or the one that writers use. Raises ReindexError."""
        known = self.indices()
        for index in known:
            if name in (index.name, index.written_as):
                return index
        names = ", ".join(index.name for index in known[-5:]) or "none yet"
        prefix = self.server.prefix
        raise ReindexError(f"there is no index {name} of records with the prefix {prefix}; there are {names}")

    def unfinished(self) -> list[str]:
        """Return the copies that runs have not finished."""
        return [copy.name for copy in self.server.state().copies()]

    def abort(self) -> list[str]:
        """Stop any run, and undo what it has left: its write blocks, its copies, its lock; return the copies."""
        self._lock.remove()
        self.server.stop_runs()
        copies = self.unfinished()
        for name in copies:
            self.server.drop(name)
        return copies

    def reindex(self, index: Index, watcher: Watcher) -> Result:
        """Index the records of one index anew, within `held`.

        Raises ReindexError, RecordRefusedError, StoreUnavailableError; the index is in use as it was then.
        """
        result = Result(index.name)
        pause, waited = 1.0, 0.0
        while True:
            copied = result.copied
            try:
                self._attempt(index, result, watcher)
            except (DivergedError, VanishedError):
                self._drop_copies(index)
            except NotAllowedError:
                raise
            except StoreUnavailableError as error:
                self._make_room(index)
                if result.copied > copied:
                    pause, waited = 1.0, 0.0
                if waited >= PATIENCE:
                    raise
                watcher.wait(error)
                self._sleep(pause)
                pause, waited = min(2 * pause, LONGEST_PAUSE), waited + pause
            else:
                break
        if result.to and (result.removed or result.resumed):  # what was resumed may have removed some
            self._merge(result, watcher)
        return result

    def _attempt(self, index: Index, result: Result, watcher: Watcher) -> None:
        self._lock.check()
        found = self.server.state().index(index.written_as)
        if found is None:
            self._drop_copies(index)
        elif found.name != index.name:  # an earlier attempt had done it, and got no answer
            result.to, result.records = found.name, self.server.count(found.name)
        elif found.blocked:
            raise ReindexError(
                f"{index.name} has a write block that somebody has set: lift it first "
                f'(PUT /{index.name}/_settings with "index.blocks.write": null)'
            )
        else:
            Attempt(self.server, self._bulk, self._lock, found, result, watcher, self._sleep).run()

    def _drop_copies(self, index: Index) -> None:
        for copy in self.server.state().copies(index.written_as):
            self.server.drop(copy.name)

    def _make_room(self, index: Index) -> None:
        """Delete a copy that has filled the disk, so that writers can go on. Raises ReindexError."""
        try:
            state = self.server.state()
            if not any(state.is_full(copy.name) for copy in state.copies(index.written_as)):
                return
            self._drop_copies(index)
        except StoreUnavailableError:
            return  # it is away
        raise ReindexError(
            f"the disk is nearly full, so the server makes indices read-only: the copy of {index.name} was deleted, "
            "and writes go on when the server sees that there is room; make more before the next run"
        )

    def _merge(self, result: Result, watcher: Watcher) -> None:
        """Take out of the copy's files what was forgotten while it was made."""
        watcher.step("merging", result.records, result.records)
        try:
            for _ in merge_removed(self.server.connection, result.to):
                pass
        except StoreUnavailableError as error:
            result.unmerged = str(error)
