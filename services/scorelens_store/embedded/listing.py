"""Pages of records in an order that is total, so that pages follow each other without gap or repetition.

Matches are cut into parts that follow each other in the order (records with the field, then those without; on a later
page, what is tied with the last hit, then what comes after), and each part is read from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Final

import orjson
import tantivy

from scorelens_store.contract import Hit
from scorelens_store.embedded.schema import ORDER
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS, Field, Type
from scorelens_store.query.tree import All, Equals, Exists, Node, Not, Range, is_weighed
from scorelens_store.values import from_microseconds, values_of

TIME: Final = FIELDS["@timestamp"]


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
        for record in snapshot.records(islice(_ids(snapshot, part, descending, limit), limit)):
            yield _hit(record, field, part)
            limit -= 1
        if not limit:
            return


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


def _ids(snapshot: Snapshot, part: _Part, descending: bool, limit: int) -> Iterator[str]:
    if part.field is not None and part.field.type in (Type.KEYWORD, Type.BOOLEAN):
        for value in _leading_values(snapshot, part, descending, limit):
            same = _Part(All((part.node, Equals(part.field, value))), None, part.beyond)
            yield from _ids(snapshot, same, descending, limit)
        return
    column = None if part.field is None else snapshot.translator.column(part.field)
    size = limit + 1
    while True:
        rows = _top(snapshot, part.node, column, descending, size)
        groups = [[record_id for _, record_id in rows] for _, rows in groupby(rows, key=lambda row: row[0])]
        whole = len(rows) < size
        # What ties with the last row may go on beyond it.
        kept = groups if whole else groups[:-1]
        ids = [record_id for group in kept for record_id in sorted(group) if record_id > part.beyond]
        if whole or len(ids) >= limit:
            yield from ids
            return
        size *= 4


def _leading_values(snapshot: Snapshot, part: _Part, descending: bool, limit: int) -> list[str]:
    order = tantivy.Order.Desc if descending else tantivy.Order.Asc
    query = snapshot.translator.query(part.node)
    hits = snapshot.searcher.search(query, limit, False, part.field.name if part.field else None, 0, order).hits
    return list(dict.fromkeys(value for value, _ in hits))


def _top(
    snapshot: Snapshot, node: Node, column: str | None, descending: bool, size: int
) -> list[tuple[tuple[int, ...], str]]:
    direction = "desc" if descending else "asc"
    sort = [{column: direction}] if column else []
    request = {
        "top_hits": {
            "size": size,
            "sort": [*sort, {TIME.name: direction}, {ORDER: "asc"}],
            "docvalue_fields": ["record.id"],
        }
    }
    result = snapshot.searcher.aggregate(snapshot.translator.query(node), {"page": request})
    return [(tuple(hit["sort"]), hit["docvalue_fields"]["record.id"][0]) for hit in result["page"]["hits"]]


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
