"""Pages of records in an order that is total, so that pages follow each other without gap or repetition.

Matches are cut into parts that follow each other in the order (records with the field, then those without; on a later
page, what is tied with the last hit, then what comes after), and each part is read from its beginning.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

import orjson
import tantivy

from scorelens_store.contract import Hit, Record
from scorelens_store.embedded.schema import ORDER, order_of
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS, Field, Type
from scorelens_store.query.tree import All, Equals, Exists, Node, Not, Range, is_weighed
from scorelens_store.values import from_microseconds, values_of

TIME: Final = FIELDS["@timestamp"]

AT_ONCE: Final = 10_000
"""Places of hits that are held at a time by listings of any length; records are read one by one."""


@dataclass(frozen=True)
class _Part:
    """Matches that follow each other; those with the ids up to `beyond` were on an earlier page."""

    node: Node
    field: Field | None
    beyond: str = ""


def by_field(
    snapshot: Snapshot, node: Node, field: Field | None, descending: bool, after: tuple[Any, ...], limit: int
) -> Iterator[Hit]:
    """Yield the next hits ordered by a field, or by time alone, each read when it is asked for."""
    by = None if field is None or field == TIME else field
    for part in _parts(node, by, descending, _checked(after)):
        for record in islice(_records(snapshot, part, descending, limit), limit):
            yield _hit(record, field, part)
            limit -= 1
        if not limit:
            return


def listed(
    snapshot: Snapshot, node: Node, field: Field | None, descending: bool, limit: int = sys.maxsize
) -> Iterator[Hit]:
    """Yield the first hits as `by_field` does, in memory that does not grow with their number."""
    after: tuple[Any, ...] = ()
    while limit > 0:
        size = count = min(limit, AT_ONCE)
        for hit in by_field(snapshot, node, field, descending, after, size):
            yield hit
            after, count = hit.sort, count - 1
        if count:
            return
        limit -= size


def by_relevance(snapshot: Snapshot, node: Node, descending: bool, after: tuple[Any, ...], limit: int) -> list[Hit]:
    """Return the next hits ordered by the weight of their words."""
    if not is_weighed(node):
        hits = by_field(snapshot, node, None, descending, after, limit)
        return [Hit(hit.record, sort=(0.0, *hit.sort[1:])) for hit in hits]
    weight, time, last = _checked(after) or (None, 0, "")
    size = 2 * limit
    while True:
        rows, whole = _weighed(snapshot, node, descending, size)
        rows.sort(key=lambda row: _key(row, descending))
        if weight is not None:
            rows = [row for row in rows if _key(row, descending) >= _key_of(weight, time, descending)]
        found = list(islice(_loaded(snapshot, rows, weight, time, last), limit))
        if whole or len(found) == limit:
            return found
        size *= 4


def ranked(snapshot: Snapshot, node: Node, descending: bool, limit: int) -> Iterator[Hit]:
    """Yield the first hits ordered by the weight of their words, each read when it is asked for."""
    if not is_weighed(node):
        hits = listed(snapshot, node, None, descending, limit)
        yield from (Hit(hit.record, sort=(0.0, *hit.sort[1:])) for hit in hits)
        return
    size = limit + 1
    while True:
        rows, whole = _weighed(snapshot, node, descending, size)
        if whole or len(rows) >= limit:
            rows.sort(key=lambda row: _key(row, descending))
            yield from islice(_loaded(snapshot, rows, None, 0, ""), limit)
            return
        size *= 4


def _parts(node: Node, field: Field | None, descending: bool, after: tuple[Any, ...]) -> Iterator[_Part]:
    if not after:
        if field is None:
            yield _Part(node, None)
            return
        yield _Part(All((node, Exists(field))), field)
    else:
        value, time, last = after
        if field is not None and field.type is Type.DATE and value is not None:
            value = from_microseconds(value)
        moment = from_microseconds(time)
        here = node if field is None else All((node, Not(Exists(field)) if value is None else Equals(field, value)))
        yield _Part(All((here, Range(TIME, moment, moment))), None if value is None else field, last)
        yield _Part(All((here, _beyond(TIME, moment, descending))), None if value is None else field)
        if field is None or value is None:
            return
        yield _Part(All((node, _beyond(field, value, descending))), field)
    yield _Part(All((node, Not(Exists(field)))), None)


def _beyond(field: Field, value: Any, descending: bool) -> Range:
    return Range(field, None, value, with_high=False) if descending else Range(field, value, None, with_low=False)


def _records(snapshot: Snapshot, part: _Part, descending: bool, limit: int) -> Iterator[Record]:
    """Yield at least so many records of a part in order, if there are as many; each is read when it is asked for."""
    if part.field is None:
        return _by_time(snapshot, part, descending, limit)
    if part.field.type in (Type.KEYWORD, Type.BOOLEAN):
        return _by_keyword(snapshot, part, part.field, descending, limit)
    return _by_number(snapshot, part, part.field, descending, limit)


def _by_keyword(snapshot: Snapshot, part: _Part, field: Field, descending: bool, limit: int) -> Iterator[Record]:
    for value in dict.fromkeys(value for value, _ in snapshot.top(part.node, field.name, descending, limit)):
        same = _Part(All((part.node, Equals(field, value))), None, part.beyond)
        yield from _by_time(snapshot, same, descending, limit)


def _by_number(snapshot: Snapshot, part: _Part, field: Field, descending: bool, limit: int) -> Iterator[Record]:
    column = snapshot.translator.column(field)
    rows = snapshot.top(part.node, column, descending, limit + 1) if column else []
    groups = _groups(rows)
    cut_off = groups.pop() if len(rows) > limit else None
    for _, addresses in groups:
        times = snapshot.searcher.fast_field_values(TIME.name, addresses)
        tied = sorted(zip(times, range(len(addresses)), strict=True), key=itemgetter(0), reverse=descending)
        for _, same in _groups([(time, addresses[place]) for time, place in tied]):
            yield from _by_id(snapshot, same, part.beyond)
    if cut_off is not None:  # what ties with the last row may go on beyond it
        value = from_microseconds(cut_off[0]) if field.type is Type.DATE else cut_off[0]
        rest = _Part(All((part.node, Equals(field, value))), None, part.beyond)
        yield from _by_time(snapshot, rest, descending, limit)


def _by_time(snapshot: Snapshot, part: _Part, descending: bool, limit: int) -> Iterator[Record]:
    size = limit + 1
    while True:
        rows = snapshot.top(part.node, TIME.name, descending, size)
        whole = len(rows) < size
        groups = _groups(rows) if whole else _groups(rows)[:-1]
        if whole or _after(snapshot, groups, part.beyond) >= limit:
            for _, addresses in groups:
                yield from _by_id(snapshot, addresses, part.beyond)
            return
        size *= 4


def _groups(rows: Sequence[tuple[Any, tantivy.DocAddress]]) -> list[tuple[Any, list[tantivy.DocAddress]]]:
    return [(value, [address for _, address in same]) for value, same in groupby(rows, key=itemgetter(0))]


def _after(snapshot: Snapshot, groups: Sequence[tuple[Any, list[tantivy.DocAddress]]], beyond: str) -> int:
    """Return how many records surely have ids behind the one of the page before."""
    addresses = [address for _, same in groups for address in same]
    if not beyond or not addresses:
        return len(addresses)
    return sum(order > order_of(beyond) for order in _orders(snapshot, addresses))


def _by_id(snapshot: Snapshot, addresses: Sequence[tantivy.DocAddress], beyond: str) -> Iterator[Record]:
    """Yield records that tie in everything else; those whose ids begin alike are read to tell them apart."""
    least = order_of(beyond) if beyond else 0
    orders = _orders(snapshot, addresses) if beyond or len(addresses) > 1 else [0]
    places = sorted((order, place) for place, order in enumerate(orders) if order >= least)
    for _, same in groupby(places, key=itemgetter(0)):
        records: list[Record] = [orjson.loads(snapshot.source_at(addresses[place])) for _, place in same]
        records.sort(key=_id)
        yield from (record for record in records if _id(record) > beyond)


def _orders(snapshot: Snapshot, addresses: Sequence[tantivy.DocAddress]) -> list[int]:
    return [int(order or 0) for order in snapshot.searcher.fast_field_values(ORDER, list(addresses))]


def _id(record: Record) -> str:
    return str(record["record"]["id"])


def _hit(record: dict[str, Any], field: Field | None, part: _Part) -> Hit:
    time, record_id = values_of(record, TIME)[0], str(record["record"]["id"])
    if field is None or part.field is None:
        return Hit(record, sort=(time if field == TIME else None, time, record_id))
    return Hit(record, sort=(values_of(record, field)[0], time, record_id))


@dataclass(frozen=True)
class _Row:
    weight: float
    time: int
    address: tantivy.DocAddress


def _weighed(snapshot: Snapshot, node: Node, descending: bool, size: int) -> tuple[list[_Row], bool]:
    # The least relevant first has no index to read from: all matches are weighed.
    size = size if descending else max(1, snapshot.count(node))
    hits = snapshot.searcher.search(snapshot.translator.query(node), size, False).hits
    whole = len(hits) < size or not descending
    if not whole:
        hits = [hit for hit in hits if hit[0] > hits[-1][0]]
    addresses = [address for _, address in hits]
    times = snapshot.searcher.fast_field_values(TIME.name, addresses) if addresses else []
    return [_Row(weight, int(time or 0), address) for (weight, address), time in zip(hits, times, strict=True)], whole


def _key(row: _Row, descending: bool) -> tuple[float, int]:
    return _key_of(row.weight, row.time, descending)


def _key_of(weight: float, time: int, descending: bool) -> tuple[float, int]:
    return (-weight, -time) if descending else (weight, time)


def _loaded(snapshot: Snapshot, rows: list[_Row], weight: float | None, time: int, last: str) -> Iterator[Hit]:
    for (group_weight, group_time), group in groupby(rows, key=lambda row: (row.weight, row.time)):
        records = [orjson.loads(snapshot.source_at(row.address)) for row in group]
        records.sort(key=lambda record: str(record["record"]["id"]))
        tied = weight == group_weight and time == group_time
        for record in records:
            record_id = record["record"]["id"]
            if not tied or record_id > last:
                yield Hit(record, group_weight, sort=(group_weight, group_time, record_id))


def _checked(after: tuple[Any, ...]) -> tuple[Any, ...]:
    if after and (len(after) != 3 or not isinstance(after[1], int) or not isinstance(after[2], str)):
        raise QueryError("`after` is not the sort of a hit: it has a value, a time in microseconds and a record id")
    return after
