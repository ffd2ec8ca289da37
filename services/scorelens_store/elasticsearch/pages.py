"""Reading matches page by page, in memory bounded by bytes, whatever the size of a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.mapping import EXACT_DATES
from scorelens_store.elasticsearch.order import TIME, Order
from scorelens_store.elasticsearch.query import Query
from scorelens_store.elasticsearch.snapshot import Row, Snapshot

ROWS: Final = 1_000
"""Rows of one request."""

_HEADS: Final = 5_000
"""Rows of one request that have a few short members each."""

_BYTES: Final = 16 * 2**20
_TYPICAL: Final = 12_000
"""Bytes of a record besides its text: a calculation of ten tags."""
LENGTH: Final = "document.length"
"""Field with the characters of a document's text."""

_IN_TIME: Final = Order(TIME, descending=False)
_BY_TIME: Final = _IN_TIME.clauses()[:1]


def walk(connection: Connection, index: str, query: Query) -> Iterator[Row]:
    """Yield the hits of every match, with their sources, by time and record id, as of the first one."""
    with Snapshot(connection, index) as snapshot:
        if _BYTES // _bytes_of(_longest(snapshot, query)) >= ROWS:
            yield from _in_order(snapshot, query, ROWS, {})
        else:
            yield from _by_length(snapshot, query)


def walk_ids(connection: Connection, index: str, query: Query) -> Iterator[list[tuple[str, str]]]:
    """Yield pages of index and id of every match, as of the first one."""
    body = {"query": query, "sort": [], "_source": False}
    with Snapshot(connection, index) as snapshot:
        for keys in snapshot.pages(body, ROWS):
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


def by_room(keys: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows with the length of their documents, as many together as memory has room for with their sources."""
    group: list[Row] = []
    size = 0
    for key in keys:
        own = _bytes_of(max(0, *key.get("fields", {}).get(LENGTH, [0]), 0))
        if group and (size + own > _BYTES or len(group) == ROWS):
            yield group
            group, size = [], 0
        group.append(key)
        size += own
    if group:
        yield group


def _longest(snapshot: Snapshot, query: Query) -> int:
    body = {"query": query, "size": 0, "track_total_hits": False, "aggs": {"longest": {"max": {"field": LENGTH}}}}
    found = snapshot.search(body).get("aggregations", {}).get("longest", {}).get("value")
    return int(found or 0)


def _in_order(snapshot: Snapshot, query: Query, size: int, options: dict[str, Any]) -> Iterator[Row]:
    """Yield rows by time and record id; those of one time are put in order here, as it costs the server most."""
    held: list[Row] = []
    for rows in snapshot.pages({"query": query, "sort": _BY_TIME, **options}, size):
        held += rows
        last = held[-1]["sort"][0]
        if held[0]["sort"][0] == last and len(held) > size:
            since = {"bool": {"filter": [query, {"range": {EXACT_DATES[TIME.name]: {"gte": last}}}]}}
            body = {"query": since, "sort": _IN_TIME.clauses(), **options}
            yield from chain.from_iterable(snapshot.pages(body, size))
            return
        ready = [row for row in held if row["sort"][0] != last]
        held = held[len(ready) :]
        yield from sorted(ready, key=_place)
    yield from sorted(held, key=_place)


def _place(row: Row) -> tuple[int, str]:
    return row["sort"][0], row["_id"]


def _by_length(snapshot: Snapshot, query: Query) -> Iterator[Row]:
    """Yield rows of which some are long: first how long each is, then as many at a time as memory has room for."""
    keys = _in_order(snapshot, query, _HEADS, {"_source": False, "docvalue_fields": [LENGTH]})
    for group in by_room(keys):
        body = {"query": {"ids": {"values": [key["_id"] for key in group]}}, "sort": []}
        found = {row["_id"]: row for row in snapshot.page(body, len(group), [])}
        # Those of an index that was removed meanwhile are missing.
        yield from (found[key["_id"]] for key in group if key["_id"] in found)


def _bytes_of(length: int) -> int:
    return _TYPICAL + 4 * length
