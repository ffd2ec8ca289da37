"""Reading matches page by page, in memory bounded by bytes, whatever the size of a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.order import TIME, Order
from scorelens_store.elasticsearch.query import Query
from scorelens_store.errors import StoreUnavailableError

Row = dict[str, Any]

ROWS: Final = 1_000
"""Rows of one request."""

_HEADS: Final = 5_000
"""Rows of one request that have a few short members each."""

_BYTES: Final = 16 * 2**20
_TYPICAL: Final = 12_000
"""Bytes of a record besides its text: a calculation of ten tags."""
_KEPT: Final = "5m"
_LENGTH: Final = "document.length"
_IN_TIME: Final = Order(TIME, descending=False)


def walk(connection: Connection, index: str, query: Query) -> Iterator[Row]:
    """Yield the hits of every match, with their sources, by time and record id, as of the first one."""
    with _snapshot(connection, index) as pit:
        for keys in _keys(connection, pit, query, fields=[_LENGTH]):
            before = keys[0].pop("before")
            for group in _groups(keys):
                body = _page(pit, query, before, len(group)) | {"_source": True}
                yield from _search(connection, body)
                before = group[-1]["sort"]


def walk_ids(connection: Connection, index: str, query: Query) -> Iterator[list[tuple[str, str]]]:
    """Yield pages of index and id of every match, as of the first one."""
    with _snapshot(connection, index) as pit:
        for keys in _keys(connection, pit, query, fields=[]):
            yield [(key["_index"], key["_id"]) for key in keys]


def walk_heads(connection: Connection, index: str, query: Query, fields: Sequence[str]) -> Iterator[Row]:
    """Yield the hits of every match with these members of their sources alone, by time and record id.

    Each page is as of the moment it is asked for, so that the next one may be asked for any time later.
    """
    path = f"/{index}/_search?ignore_unavailable=true&allow_partial_search_results=false"
    body = {"query": query, "sort": _IN_TIME.clauses(), "size": _HEADS, "track_total_hits": False}
    after: list[Any] = []
    while True:
        page = body | {"_source": list(fields)} | ({"search_after": after} if after else {})
        rows = (connection.request("POST", path, page) or {"hits": {"hits": []}})["hits"]["hits"]
        yield from rows
        if len(rows) < _HEADS:
            return
        after = rows[-1]["sort"]


@contextmanager
def _snapshot(connection: Connection, index: str) -> Iterator[str]:
    opened = connection.request("POST", f"/{index}/_pit?keep_alive={_KEPT}&ignore_unavailable=true")
    pit = opened["id"] if opened else ""
    try:
        yield pit
    finally:
        if pit:
            connection.request("DELETE", "/_pit", {"id": pit})


def _keys(connection: Connection, pit: str, query: Query, fields: Sequence[str]) -> Iterator[list[Row]]:
    after: list[Any] = []
    while pit:
        body = _page(pit, query, after, ROWS) | {"_source": False, "docvalue_fields": fields}
        keys = _search(connection, body)
        if keys:
            yield [{**keys[0], "before": after}, *keys[1:]]
        if len(keys) < ROWS:
            return
        after = keys[-1]["sort"]


def _page(pit: str, query: Query, after: Sequence[Any], size: int) -> dict[str, Any]:
    body = {
        "pit": {"id": pit, "keep_alive": _KEPT},
        "query": query,
        # The server's own last tie-break; it would be there unasked, and would then be missing from `search_after`.
        "sort": [*_IN_TIME.clauses(), {"_shard_doc": "asc"}],
        "size": size,
        "track_total_hits": False,
    }
    return body | {"search_after": after} if after else body


def _search(connection: Connection, body: dict[str, Any]) -> list[Row]:
    found = connection.request("POST", "/_search?allow_partial_search_results=false", body)
    if found is None:
        raise StoreUnavailableError(
            f"{connection.where} no longer has the state that was being read, since it was restarted or nothing was "
            f"read for {_KEPT}: read it again from the beginning"
        )
    rows: list[Row] = found["hits"]["hits"]
    return rows


def _groups(keys: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = size = 0
    for number, key in enumerate(keys):
        own = _TYPICAL + 4 * max(0, *key.get("fields", {}).get(_LENGTH, [0]), 0)
        if number > start and size + own > _BYTES:
            yield keys[start:number]
            start, size = number, 0
        size += own
    yield keys[start:]
