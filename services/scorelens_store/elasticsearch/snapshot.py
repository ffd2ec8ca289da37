"""The records of a prefix as they were at one moment, which the server keeps while they are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import orjson
from elasticsearch import ElasticsearchWarning, TransportError
from urllib3.exceptions import HTTPError

from scorelens_runtime.errors import ScorelensError
from scorelens_store.elasticsearch.connection import Connection, Reply
from scorelens_store.elasticsearch.errors import reason
from scorelens_store.elasticsearch.indices import ungenerated
from scorelens_store.errors import StoreUnavailableError

Row = dict[str, Any]

KEPT: Final = "5m"
"""How long the server keeps the state after each request."""

_FIRST: Final = 100
_BYTES: Final = 8 * 2**20
"""Rows of the first request, which tell how many more have room in so many bytes."""

_NOTHING: Final[dict[str, Any]] = {"hits": {"hits": [], "total": {"value": 0}}}
_LOST: Final = ("search_context_missing_exception", "no_shard_available_action_exception")
# Frequencies of words are those of all indices together, or order would depend on the day of a record.
_PATH: Final = "/_search?allow_partial_search_results=true"
_WEIGHED: Final = f"{_PATH}&search_type=dfs_query_then_fetch"


class Snapshot:
    """A point in time over all indices of a prefix; before the first record there is nothing in it, and no error.

    What is put, changed or forgotten meanwhile does not change it. Of an index that is removed meanwhile, as retention
    does, nothing more is found.
    """

    def __init__(self, connection: Connection, index: str) -> None:
        self._connection, self._index = connection, index
        self._pit = ""
        self._removed: set[str] = set()

    def __enter__(self) -> Self:
        path = f"/{self._index}/_pit?keep_alive={KEPT}&ignore_unavailable=true"
        opened = self._connection.request("POST", path)
        self._pit = opened["id"] if opened else ""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        # A generator may be ended long after its connection, or with the interpreter, when a request would wait forever
        # for one of the pool's connections; the server then lets go by itself.
        if self._pit and not sys.is_finalizing():
            with suppress(ScorelensError, TransportError, HTTPError, ElasticsearchWarning, ValueError, AttributeError):
                self._connection.request("DELETE", "/_pit", {"id": self._pit})
        self._pit = ""

    def search(self, body: dict[str, Any], *, weighed: bool = False) -> dict[str, Any]:
        """Return the answer to a search. Raises StoreUnavailableError where the state is lost."""
        if not self._pit:
            return _NOTHING
        pit = {"id": self._pit, "keep_alive": KEPT}
        reply = self._connection.ask_patiently("POST", _WEIGHED if weighed else _PATH, body | {"pit": pit})
        if reply.status in (404, 503):
            self._check(_failures(reply.body, "error", "failed_shards"), reply)
            return _NOTHING
        if reply.status >= 300:
            raise reply.error()
        found: dict[str, Any] = reply.body
        if found["_shards"]["failed"]:
            self._check(_failures(found, "_shards", "failures"), reply)
        self._pit = found.get("pit_id", self._pit)
        return found

    def count(self, query: dict[str, Any]) -> int:
        """Return how many records match."""
        return int(self.search({"query": query, "size": 0, "track_total_hits": True})["hits"]["total"]["value"])

    def pages(self, body: dict[str, Any], size: int, *, weighed: bool = False) -> Iterator[list[Row]]:
        """Yield the hits of a search, at most so many at a time, and about as many as have room in memory."""
        after: list[Any] = []
        step = min(size, _FIRST)
        while rows := self.page(body, step, after, weighed=weighed):
            yield rows
            if len(rows) < step:
                return
            after = rows[-1]["sort"]
            step = max(1, min(size, _BYTES // _bytes_of(rows)))

    def page(self, body: dict[str, Any], size: int, after: list[Any], *, weighed: bool = False) -> list[Row]:
        """Return hits of a search: the first ones, or those after the one with this `sort`."""
        # The server's own last tie-break; it would be there unasked, and would then be missing from `search_after`.
        order = {"sort": [*body["sort"], {"_shard_doc": "asc"}], "size": size, "track_total_hits": False}
        found = self.search(body | order | ({"search_after": after} if after else {}), weighed=weighed)
        return found["hits"]["hits"]  # type: ignore[no-any-return]

    def _check(self, failures: Sequence[dict[str, Any]], reply: Reply) -> None:
        """Raise StoreUnavailableError unless all that failed is of indices that were removed."""
        left = [failure for failure in failures if not self._is_removed(failure.get("index"))]
        if failures and not left:
            return
        causes = [failure.get("reason") for failure in left]
        lost = [isinstance(cause, dict) and cause.get("type") in _LOST for cause in causes]
        if all(lost or [reply.status == 404]):
            raise StoreUnavailableError(
                f"{self._connection.where} no longer has the state that was being read, since nothing was read for "
                f"{KEPT}, or the server was restarted or an index made anew: read it again from the beginning"
            )
        if reply.status >= 300:
            raise reply.error()
        raise StoreUnavailableError(
            f"{reply.where} could not read all of its indices: {reason(causes[0] if causes else {})}"
        )

    def _is_removed(self, index: str | None) -> bool:
        if index is None:
            return False
        # By the name that stays when records are indexed anew. Who may only read may count.
        name = ungenerated(index)
        if name not in self._removed:
            if self._connection.request("GET", f"/{name}/_count?terminate_after=1") is not None:
                return False
            self._removed.add(name)
        return True


def _failures(body: Any, *path: str) -> list[dict[str, Any]]:
    """Return what an answer says of shards that failed; a proxy's own answer says nothing of them."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return [failure for failure in body if isinstance(failure, dict)] if isinstance(body, list) else []


def _bytes_of(rows: Sequence[Row]) -> int:
    """Return how large a row is on average."""
    some = rows[:: len(rows) // 16 + 1]
    return len(orjson.dumps(some)) // len(some) + 1
