"""Indexing the records of an index anew, by the templates of now, while it is read and written.

Of the index X a copy X-2 is made, which no search reads. When it has nearly all, writes to X are blocked, so that they
wait with their senders; the copy gets the rest and is compared, and one request puts it in the place of X, whose name
is an alias from then on. X stays what it was until that request, whatever happens before. A run that was killed is
completed by the next one: which index is the one in use only the aliases say.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import orjson

from scorelens_runtime.errors import ScorelensError
from scorelens_store.elasticsearch.bulk import Bulk
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.copying import Copy
from scorelens_store.elasticsearch.indices import generation, generation_name, index_pattern, is_index, writing_name
from scorelens_store.elasticsearch.mapping import COPY_OF
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.errors import QueryError, StoreError, StoreUnavailableError

_CATCHING_UP: Final = 10
_FEW: Final = 1_000
"""Records that may be left to copy while writers wait."""
_COMPARISONS: Final = 5
_BLOCKED_BY_US: Final = "blocked"


class ReindexError(StoreError):
    """An index cannot be indexed anew as it is; nothing of it was changed."""


@dataclass(frozen=True)
class Index:
    """An index that records are in: its name for writers, its own name, and what it has."""

    written_as: str
    name: str
    blocked: bool


@dataclass
class Result:
    """What became of an index: `to` is its new name, empty where retention removed it meanwhile.

    `copied` counts records with those copied again because they had changed, `waited` the seconds that writers had to.
    """

    index: str
    to: str = ""
    records: int = 0
    copied: int = 0
    removed: int = 0
    waited: float = 0.0


Step = Callable[[str, int, int], None]
"""Told what is being done, how many records are done, and how many there are."""


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

    def __init__(self, connection: Connection, settings: ElasticsearchSettings) -> None:
        self._connection, self._prefix = connection, settings.prefix
        self._bulk = Bulk(connection, settings.bulk_bytes, settings.retries, refresh=False)
        self._lock = f"{settings.prefix}-reindexing"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out, and finish with what a killed one had begun. Raises ReindexError."""
        self._take_lock()
        try:
            self._lift_blocks()
            yield
        finally:
            with suppress(ScorelensError):
                self._connection.request("DELETE", f"/{self._lock}?ignore_unavailable=true")

    def indices(self) -> list[Index]:
        """Return the indices in use, by name."""
        return self._in_use(self._found())

    def count(self, index: Index) -> int:
        """Return how many records an index has."""
        return self._count(index.name)

    def find(self, name: str) -> Index:
        """Return the index of a name, its own or the one that writers use. Raises ReindexError."""
        known = self.indices()
        for index in known:
            if name in (index.name, index.written_as):
                return index
        names = ", ".join(index.name for index in known[-5:]) or "none yet"
        raise ReindexError(f"there is no index {name} of records with the prefix {self._prefix}; there are {names}")

    def reindex(self, index: Index, step: Step = lambda what, done, total: None) -> Result:
        """Index the records of one index anew. Raises ReindexError, RecordRefusedError, StoreUnavailableError."""
        if index.blocked:
            raise ReindexError(
                f"{index.name} has a write block that somebody has set: lift it first "
                f'(PUT /{index.name}/_settings with "index.blocks.write": null)'
            )
        copy = self._begin(index)
        result = Result(index.name)
        total = self._count(index.name)
        done = 0

        def count(records: int) -> None:
            nonlocal done
            done += records
            step("copying", min(done, total), total)

        step("copying", 0, total)
        copying = Copy(self._connection, self._bulk, index.name, copy, count)
        mark = self._catch_up(copying, result)
        step("comparing", total, total)
        if not self._finish(index, copying, mark, result):
            self._drop(copy)
        return result

    def abort(self) -> list[str]:
        """Undo what killed runs have left: lift their write blocks, delete unfinished copies; return the copies."""
        self._lift_blocks()
        copies = self.unfinished()
        for name in copies:
            self._drop(name)
        self._connection.change("DELETE", f"/{self._lock}?ignore_unavailable=true")
        return copies

    def unfinished(self) -> list[str]:
        """Return the copies that runs have not finished."""
        found = self._found()
        in_use = {index.name for index in self._in_use(found)}
        return [name for name, each in sorted(found.items()) if name not in in_use and _copy_of(each)]

    def _begin(self, index: Index) -> str:
        """Return the copy to fill, made if need be; one that other templates have made is deleted."""
        found = self._found()
        name = generation_name(self._prefix, index.name, generation(self._prefix, index.name) + 1)
        templates = self._templates()
        if name in found and _copy_of(found[name]) != index.written_as:
            raise ReindexError(f"there is an index {name} that no reindex has made: delete it, or give it another name")
        if name in found and _meta(found[name]).get("templates") != templates:
            self._drop(name)
            del found[name]
        if name not in found:
            body = {"mappings": {"_meta": {COPY_OF: index.written_as, "templates": templates}}}
            self._connection.change("PUT", f"/{name}", body)
        # The template has put the alias on it; it has nothing yet, so that no search has found any record twice.
        remove = {"index": name, "alias": self._prefix}
        self._connection.change("POST", "/_aliases", {"actions": [{"remove": remove}]})
        return name

    def _catch_up(self, copying: Copy, result: Result) -> int:
        """Copy all, and what came meanwhile, until little is left; return the mark from which on to look."""
        mark = copying.checkpoint()
        done = copying.bring()
        result.copied, result.removed = done.copied, done.removed
        for _ in range(_CATCHING_UP):
            next_mark = copying.checkpoint()
            came = copying.follow(mark)
            result.copied, mark = result.copied + came, next_mark
            if came < _FEW:
                break
        return mark

    def _finish(self, index: Index, copying: Copy, mark: int, result: Result) -> bool:
        """Let writers wait, complete the copy and put it in its place; tell whether the index was still there."""
        started = datetime.now(UTC)
        self._note(index, copying.name, blocked=True)
        try:
            if not self._block(index):
                return False
            result.copied += copying.follow(mark)
            self._make_equal(copying, result)
            if not self._swap(index, copying.name):
                return False
        except BaseException:
            with suppress(ScorelensError):
                self._lift_blocks()
            raise
        result.to = copying.name
        result.waited = round((datetime.now(UTC) - started).total_seconds(), 3)
        return True

    def _block(self, index: Index) -> bool:
        """Block writes, and wait for those under way; tell whether the index was still there."""
        answer = self._connection.change("PUT", f"/{index.name}/_block/write")
        if answer is not None and not answer.get("shards_acknowledged"):
            raise StoreUnavailableError(f"{self._connection.where} could not block writes to {index.name}: try again")
        return answer is not None

    def _make_equal(self, copying: Copy, result: Result) -> None:
        for _ in range(_COMPARISONS):
            mended = copying.compare()
            result.copied, result.removed = result.copied + mended.copied, result.removed + mended.removed
            if not mended:
                break
        counts = [self._count(name) for name in (copying.of, copying.name)]
        if mended or counts[0] != counts[1]:
            raise ReindexError(
                f"{copying.name} does not become the same as {copying.of} ({counts[1]:,} and {counts[0]:,} records): "
                "does something else write to it?"
            )
        result.records = counts[0]

    def _swap(self, index: Index, copy: str) -> bool:
        """Put the copy in the place of the index; tell whether that was still there."""
        # One change of the cluster's state: no search and no writer ever sees both, or none.
        actions = [
            {"remove_index": {"index": index.name}},
            {"add": {"index": copy, "alias": index.written_as}},
            {"add": {"index": copy, "alias": self._prefix}},
        ]
        return self._connection.change("POST", "/_aliases", {"actions": actions}) is not None

    def _lift_blocks(self) -> None:
        """Lift the write blocks that an unfinished run has set, and no others."""
        found = self._found()
        for index in self._in_use(found):
            for name, each in found.items():
                if index.blocked and _copy_of(each) == index.written_as and _meta(each).get(_BLOCKED_BY_US):
                    self._connection.change("PUT", f"/{index.name}/_settings", {"index.blocks.write": None})
                    self._note(index, name, blocked=False)

    def _note(self, index: Index, copy: str, *, blocked: bool) -> None:
        meta = _meta(self._found().get(copy, {}))
        self._connection.change("PUT", f"/{copy}/_mapping", {"_meta": {**meta, _BLOCKED_BY_US: blocked}})

    def _found(self) -> dict[str, Any]:
        """Return all indices of the prefix, unfinished copies included."""
        fields = "filter_path=*.aliases,*.mappings._meta,*.settings.index.blocks,*.settings.index.uuid"
        found = self._connection.request("GET", f"/{index_pattern(self._prefix)}?ignore_unavailable=true&{fields}")
        return {name: each for name, each in (found or {}).items() if is_index(self._prefix, name)}

    def _in_use(self, found: dict[str, Any]) -> list[Index]:
        in_use: dict[str, str] = {}
        for name, each in found.items():
            written_as = writing_name(self._prefix, name)
            if name == written_as or written_as in each.get("aliases", {}):
                in_use[written_as] = name
        return [Index(written_as, name, _is_blocked(found[name])) for written_as, name in sorted(in_use.items())]

    def _templates(self) -> str:
        """Return what tells the templates of now from any others."""
        parts = [
            self._connection.request("GET", path)
            for path in (f"/_index_template/{self._prefix}", f"/_component_template/{self._prefix}@*")
        ]
        return blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()

    def _count(self, index: str) -> int:
        return int((self._connection.request("GET", f"/{index}/_count") or {}).get("count", 0))

    def _drop(self, index: str) -> None:
        self._connection.change("DELETE", f"/{index}?ignore_unavailable=true")

    def _take_lock(self) -> None:
        ours = {"host": socket.gethostname(), "pid": os.getpid(), "since": datetime.now(UTC).isoformat()[:19]}
        body = {
            "settings": {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True}},
            "mappings": {"dynamic": False, "_meta": ours},
        }
        for _ in range(2):
            try:
                self._connection.request("PUT", f"/{self._lock}", body)
            except QueryError as exc:
                if "exists" not in exc.reason:
                    raise StoreUnavailableError(f"{self._connection.where} refuses an index: {exc.reason}") from exc
                self._break_lock()
            else:
                return
        raise ReindexError("another run has just begun")

    def _break_lock(self) -> None:
        """Remove the lock of a run that was killed on this machine. Raises ReindexError for any other."""
        found: dict[str, Any] = self._connection.request("GET", f"/{self._lock}/_mapping") or {}
        holder = _meta(next(iter(found.values()), {}))
        if holder.get("host") != socket.gethostname() or _is_alive(int(holder.get("pid", 0))):
            raise ReindexError(
                f"a reindex of {self._prefix} runs since {holder.get('since')} on {holder.get('host')}, process "
                f"{holder.get('pid')}; if it does not any more: scorelens elasticsearch reindex --abort"
            )
        self._connection.change("DELETE", f"/{self._lock}?ignore_unavailable=true")


def _meta(index: dict[str, Any]) -> dict[str, Any]:
    found = index.get("mappings", {}).get("_meta")
    return found if isinstance(found, dict) else {}


def _copy_of(index: dict[str, Any]) -> str:
    return str(_meta(index).get(COPY_OF, ""))


def _is_blocked(index: dict[str, Any]) -> bool:
    return str(index.get("settings", {}).get("index", {}).get("blocks", {}).get("write", "false")) == "true"


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # ours was removed, or the request that removes it had no answer
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
