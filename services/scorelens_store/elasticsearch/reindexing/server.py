"""What indexing anew asks of the server, a request each."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from typing import Any

import orjson

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.reindexing.disk import STATS, shortage
from scorelens_store.elasticsearch.reindexing.lock import ReindexError
from scorelens_store.elasticsearch.reindexing.state import BLOCKED_BY_US, OF_A_COPY, State
from scorelens_store.errors import QueryError, StoreUnavailableError


class Server:
    """The indices of one prefix. Every method raises StoreUnavailableError, or ReindexError for what is refused."""

    def __init__(self, connection: Connection, prefix: str) -> None:
        self.connection, self.prefix = connection, prefix

    def state(self) -> State:
        """Return which indices there are."""
        return State(self.prefix, self.ask("GET", State.path(self.prefix)) or {})

    def count(self, name: str) -> int:
        """Return how many records an index has."""
        return int((self.ask("GET", f"/{name}/_count") or {}).get("count", 0))

    def size(self, name: str) -> int:
        """Return how many bytes an index takes on all servers together."""
        path = f"/{name}/_stats/store?filter_path=_all.total.store.size_in_bytes"
        found = self.ask("GET", path) or {}
        return int(found.get("_all", {}).get("total", {}).get("store", {}).get("size_in_bytes", 0))

    def shortage(self, size: int) -> str:
        """Return why a copy of so many bytes has no room on the servers' disks, nothing where it has."""
        return shortage(size, self.ask("GET", STATS) or {})

    def replicas(self, name: str) -> tuple[float, bool]:
        """Return how many copies of each shard are there, and whether these are all that there are to be."""
        fields = "_shards,indices.*.shards.*.routing.primary"
        found = self.ask("GET", f"/{name}/_stats/docs?level=shards&filter_path={fields}") or {}
        shards = [copies for index in found.get("indices", {}).values() for copies in index["shards"].values()]
        there = sum(map(len, shards))
        return there / max(1, len(shards)), there == found.get("_shards", {}).get("total", 0)

    def template(self, name: str) -> tuple[dict[str, Any], str]:
        """Return what an index of a name would be made by, and what tells that from anything else."""
        found = self.ask("POST", f"/_index_template/_simulate_index/{name}") or {}
        template = found.get("template", {})
        return template, blake2b(orjson.dumps(template, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()

    def make(self, name: str, meta: dict[str, Any], settings: dict[str, Any]) -> None:
        """Make an index by its template, unless it was made meanwhile."""
        body = {"settings": settings, "mappings": {"_meta": meta}}
        try:
            # Not waited for: until it loses the template's aliases, searches wait for its shards.
            self.ask("PUT", f"/{name}?wait_for_active_shards=0", body)
        except ReindexError:
            if all(copy.name != name for copy in self.state().copies()):
                raise

    def drop(self, name: str) -> None:
        """Delete an index that may be there."""
        self.ask("DELETE", f"/{name}?ignore_unavailable=true")

    def note(self, copy: str, *, blocked: bool) -> None:
        """Write into a copy whether its run may have blocked writes to the original."""
        meta = self._meta(copy) | {BLOCKED_BY_US: blocked}
        if self.ask("PUT", f"/{copy}/_mapping", {"_meta": meta}) is None:
            raise taken_away(copy)

    def finish(self, name: str) -> None:
        """Let nothing in an index say that it was a copy: without its aliases, too, it is never taken for one."""
        meta = {key: value for key, value in self._meta(name).items() if key not in OF_A_COPY}
        self.ask("PUT", f"/{name}/_mapping", {"_meta": meta})

    def block(self, name: str) -> bool:
        """Block writes, and wait for those under way; tell whether the index was there."""
        answer = self.ask("PUT", f"/{name}/_block/write")
        if answer is not None and not answer.get("shards_acknowledged"):
            raise StoreUnavailableError(f"{self.connection.where} could not block writes to {name}: try again")
        return answer is not None

    def unblock(self, name: str) -> None:
        """Let writes go on, to an index that may be there."""
        self.ask("PUT", f"/{name}/_settings", {"index.blocks.write": None})

    def change_aliases(self, actions: Iterable[dict[str, Any]]) -> bool:
        """Do all actions at once, or none; tell whether all that they name was there."""
        body = {"actions": list(actions)}
        return not body["actions"] or self.ask("POST", "/_aliases", body) is not None

    def stop_runs(self) -> None:
        """Take their copies from all runs, lift the write blocks that they have set and no others, and tidy up."""
        taken = [_remove(copy.name, alias) for copy in self.state().copies() for alias in copy.aliases]
        self.change_aliases(taken)
        state = self.state()
        for copy in state.copies():
            index = state.index(copy.written_as)
            if copy.has_blocked:
                if index is not None and index.blocked:
                    self.unblock(index.name)
                with suppress(ReindexError):  # its run may delete it in this moment
                    self.note(copy.name, blocked=False)
        for name in state.just_in_use():
            self.finish(name)

    def _meta(self, index: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/{index}/_mapping") or {}
        mapping: dict[str, Any] = next(iter(found.values()), {})
        return dict(mapping.get("mappings", {}).get("_meta", {}))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return an answer, None where there is no such thing."""
        try:
            return self.connection.request(method, path, body)
        except QueryError as exc:
            where = path.partition("?")[0]
            raise ReindexError(f"{self.connection.where} refuses {method} {where}: {exc.reason}") from exc


def taken_away(copy: str) -> ReindexError:
    """Return the error of a run that has been stopped."""
    return ReindexError(f"another run, or --abort, has taken the copy {copy} away")


def _remove(index: str, alias: str) -> dict[str, Any]:
    return {"remove": {"index": index, "alias": alias}}
