"""Merging the segments that hold removed records, so that no file has them any more.

The server keeps what was removed for copies of a shard that may be behind, and asks every half minute whether they
are. Each flush writes down from which change on it keeps them; a merge after that leaves out what was removed earlier.
So the end is known, although records may be labelled and removed all the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.errors import StoreUnavailableError

_MERGE_LIMIT: Final = 86_400.0
"""Seconds that the server may take to merge one index."""
_COPIES_LIMIT: Final = 180.0
"""Seconds until the server has to know that its copies are not behind."""
_COPIES_PAUSE: Final = 3.0
"""Seconds between two tries."""

_FIELDS: Final = (
    "primaries.docs.deleted",
    "shards.*.routing.primary",
    "shards.*.seq_no.max_seq_no",
    "shards.*.commit.user_data.min_retained_seq_no",
)
_Shards = Mapping[str, int]
"""A change of each shard, by its sequence number."""


def merge_removed(connection: Connection, target: str) -> Iterator[tuple[int, int]]:
    """Merge what was removed until now out of an index or those of an alias; yield how many are done of how many.

    Raises StoreUnavailableError.
    """
    last = {name: _last_changes(each) for name, each in _stats(connection, target).items() if _has_removed(each)}
    left = sorted(last)
    limit = time.monotonic() + _COPIES_LIMIT
    while left:
        left = [index for index in left if not _merge(connection, index, last[index])]
        yield len(last) - len(left), len(last)
        if left and time.monotonic() > limit:
            raise StoreUnavailableError(
                f"{connection.where} still keeps removed records in {', '.join(left)}, for copies that are behind: "
                "purge again later"
            )
        time.sleep(_COPIES_PAUSE if left else 0)


def _merge(connection: Connection, index: str, last: _Shards) -> bool:
    """Merge an index once; tell whether all that was removed until the last changes is gone."""
    connection.change("POST", f"/{index}/_flush?force=true", timeout=_MERGE_LIMIT)
    kept = [_first_kept(each) for each in _stats(connection, index).values()]
    connection.change("POST", f"/{index}/_forcemerge?only_expunge_deletes=true", timeout=_MERGE_LIMIT)
    connection.change("POST", f"/{index}/_flush?force=true", timeout=_MERGE_LIMIT)
    if not any(map(_has_removed, _stats(connection, index).values())):
        return True
    return all(shards.get(shard, -1) > change for shards in kept for shard, change in last.items())


def _stats(connection: Connection, target: str) -> dict[str, Any]:
    fields = ",".join(f"indices.*.{field}" for field in _FIELDS)
    path = f"/{target}/_stats?level=shards&ignore_unavailable=true&filter_path={fields}"
    found: dict[str, Any] = (connection.request("GET", path) or {}).get("indices", {})
    return found


def _has_removed(index: Mapping[str, Any]) -> bool:
    return bool(index.get("primaries", {}).get("docs", {}).get("deleted"))


def _last_changes(index: Mapping[str, Any]) -> _Shards:
    """Return the last change of each shard."""
    return {
        shard: max((int(copy["seq_no"]["max_seq_no"]) for copy in copies if copy["routing"]["primary"]), default=-1)
        for shard, copies in index.get("shards", {}).items()
    }


def _first_kept(index: Mapping[str, Any]) -> _Shards:
    """Return from which change on each shard keeps what was removed, in the copy that keeps most."""
    return {
        shard: min(int(copy.get("commit", {}).get("user_data", {}).get("min_retained_seq_no", -1)) for copy in copies)
        for shard, copies in index.get("shards", {}).items()
    }
