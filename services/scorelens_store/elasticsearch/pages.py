"""Reading matches page by page, in memory bounded by bytes, whatever the size of a record."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.mapping import EXACT_DATES
from scorelens_store.elasticsearch.order import TIME, Order
from scorelens_store.elasticsearch.query import Query
from scorelens_store.elasticsearch.searching import search
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


def walk(connection: Connection, index: str, query: Query, *, versions: bool = False) -> Iterator[Row]:
    """Yield the hits of every match, with their sources, by time and record id, as of the first one."""
    options = {"version": True} if versions else {}
    with Snapshot(connection, index) as snapshot:
        if _BYTES // _bytes_of(_longest(snapshot, query)) >= ROWS:
            yield from _in_order(snapshot, query, ROWS, options)
        else:
            yield from _by_length(snapshot, query, options)


def walk_ids(connection: Connection, index: str, query: Query) -> Iterator[list[tuple[str, str]]]:
    """Yield pages of index and id of every match; each page as of the moment it is asked for."""
    rows = _walk_pages(connection, index, {"query": query, "_source": False})
    while page := list(islice(rows, ROWS)):
        yield [(row["_index"], row["_id"]) for row in page]


def walk_heads(connection: Connection, index: str, query: Query, fields: Sequence[str]) -> Iterator[Row]:
    """Yield the hits of every match with these members of their sources alone, by time and record id.

    Each page is as of the moment it is asked for, so that the next one may be asked for any time later.
    """
    yield from _walk_pages(connection, index, {"query": query, "_source": list(fields)})


def walk_versions(connection: Connection, index: str) -> Iterator[Row]:
    """Yield hits that have a version and, in `sort`, time and record id, of all records by these; as `walk_heads`.

    The server reads no stored document for it, which makes it some twenty times as fast.
    """
    yield from _walk_pages(
        connection, index, {"query": {"match_all": {}}, "_source": False, "stored_fields": "_none_", "version": True}
    )


def _walk_pages(connection: Connection, index: str, body: dict[str, Any]) -> Iterator[Row]:
    body = body | {"sort": _IN_TIME.clauses(), "size": _HEADS, "track_total_hits": False}
    after: list[Any] = []
    while True:
        page = body | ({"search_after": after} if after else {})
        rows = (search(connection, index, page) or {"hits": {"hits": []}})["hits"]["hits"]
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
    after: int | None = None
    while True:
        tied = yield from _by_time(snapshot, _within(query, gt=after), size, options)
        if tied is None:
            return
        # More records of one time than are to be held: the server puts these in order, and these alone.
        same = {"query": _within(query, gte=tied, lte=tied), "sort": _IN_TIME.clauses(), **options}
        yield from chain.from_iterable(snapshot.pages(same, size))
        after = tied


def _by_time(snapshot: Snapshot, query: Query, size: int, options: dict[str, Any]) -> Generator[Row, None, int | None]:
    """Yield rows up to a time that more than `size` of them have, and return this time; None where there is no such."""
    held: list[Row] = []
    for rows in snapshot.pages({"query": query, "sort": _BY_TIME, **options}, size):
        held += rows
        last: int = held[-1]["sort"][0]
        if held[0]["sort"][0] == last and len(held) > size:
            return last
        ready = [row for row in held if row["sort"][0] != last]
        held = held[len(ready) :]
        yield from sorted(ready, key=_place)
    yield from sorted(held, key=_place)
    return None


def _within(query: Query, **bounds: int | None) -> Query:
    """Return a query for those matches alone whose time is within bounds."""
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"bool": {"filter": [query, {"range": {EXACT_DATES[TIME.name]: given}}]}} if given else query


def _place(row: Row) -> tuple[int, str]:
    return row["sort"][0], row["_id"]


def _by_length(snapshot: Snapshot, query: Query, options: dict[str, Any]) -> Iterator[Row]:
    """Yield rows of which some are long: first how long each is, then as many at a time as memory has room for."""
    keys = _in_order(snapshot, query, _HEADS, {"_source": False, "docvalue_fields": [LENGTH]})
    for group in by_room(keys):
        body = {"query": {"ids": {"values": [key["_id"] for key in group]}}, "sort": [], **options}
        found = {row["_id"]: row for row in snapshot.page(body, len(group), [])}
        # Those of an index that was removed meanwhile are missing.
        yield from (found[key["_id"]] for key in group if key["_id"] in found)


def _bytes_of(length: int) -> int:
    return _TYPICAL + 4 * length
