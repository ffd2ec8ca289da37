"""The lock that keeps a second reindex of a prefix out: an index, since making one succeeds only once.

It saves work and confusion. What keeps records safe from a run that goes on without its lock are aliases (__init__.py).
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from scorelens_runtime.errors import ScorelensError
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.errors import QueryError, StoreError, StoreUnavailableError

_SETTINGS: Final = {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True}}


class ReindexError(StoreError):
    """An index cannot be indexed anew as it is; searches and writers go on as before."""


def lock_name(prefix: str) -> str:
    """Return the name of the index that is the lock."""
    return f"{prefix}-reindexing"


class ReindexLock:
    """The lock of one prefix; `token` tells one run from another."""

    def __init__(self, connection: Connection, prefix: str, token: str) -> None:
        self._connection, self._prefix, self.token = connection, prefix, token
        self._name = lock_name(prefix)

    def take(self) -> None:
        """Take the lock, also that of a run which was killed on this machine. Raises ReindexError."""
        since = datetime.now(UTC).isoformat()[:19]
        ours = {"host": socket.gethostname(), "pid": os.getpid(), "since": since, "run": self.token}
        body = {"settings": _SETTINGS, "mappings": {"dynamic": False, "_meta": ours}}
        for _ in range(2):
            try:
                self._connection.request("PUT", f"/{self._name}", body)
            except QueryError as exc:
                if "exists" not in exc.reason:
                    raise StoreUnavailableError(f"{self._connection.where} refuses an index: {exc.reason}") from exc
                if self._break():
                    return
            else:
                return
        raise ReindexError("another run has just begun")

    def check(self) -> None:
        """Raise ReindexError where another run, or somebody, has taken the lock away."""
        if self._holder().get("run") != self.token:
            raise ReindexError("another run, or --abort, has stopped this one; every index is as it was or made anew")

    def release(self) -> None:
        """Give the lock back if it is still ours; where that fails, it is told who held it."""
        with suppress(ScorelensError):
            if self._holder().get("run") == self.token:
                self.remove()

    def remove(self) -> None:
        """Remove the lock, whoever holds it."""
        self._connection.change("DELETE", f"/{self._name}?ignore_unavailable=true")

    def _break(self) -> bool:
        """Remove the lock of a run that was killed on this machine; tell whether it is ours already."""
        holder = self._holder()
        if holder.get("run") == self.token:
            return True  # the request that made it was sent to a second server, as the first one did not answer
        if holder and (holder.get("host") != socket.gethostname() or _is_alive(int(holder.get("pid", 0)))):
            raise ReindexError(
                f"a reindex of {self._prefix} runs since {holder.get('since')} on {holder.get('host')}, process "
                f"{holder.get('pid')}; if it does not any more: scorelens elasticsearch reindex --abort"
            )
        self.remove()
        return False

    def _holder(self) -> dict[str, Any]:
        found: dict[str, Any] = self._connection.request("GET", f"/{self._name}/_mapping") or {}
        mapping: dict[str, Any] = next(iter(found.values()), {})
        meta = mapping.get("mappings", {}).get("_meta")
        return meta if isinstance(meta, dict) else {}


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
