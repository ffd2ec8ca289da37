"""Making one index the same as another, record by record, while records of the first may come, change and go."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson

from scorelens_store.elasticsearch.answers import Answer
from scorelens_store.elasticsearch.bulk import Bulk, Change
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.pages import walk, walk_heads
from scorelens_store.elasticsearch.unindexed import UNINDEXED
from scorelens_store.errors import RecordRefusedError

_EVERYTHING: Final[dict[str, Any]] = {"match_all": {}}
_TOGETHER: Final = 500
_AT_ONCE: Final = 3
_SHOWN: Final = 5
_CAN_CHANGE: Final = ("labels", UNINDEXED)
"""Members of a stored document that ever change."""

Row = dict[str, Any]
Pair = tuple[Row | None, Row | None]


@dataclass
class Copied:
    """How many records were copied, those that had changed included, and how many removed from the copy."""

    copied: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.copied or self.removed)


class Copy:
    """Brings into the index `name` what the index `of` has. Only one process may do so at a time."""

    def __init__(
        self, connection: Connection, bulk: Bulk, of: str, name: str, step: Callable[[int], None] = lambda count: None
    ) -> None:
        self.of, self.name = of, name
        self._connection, self._bulk, self._step = connection, bulk, step

    def checkpoint(self) -> int:
        """Return a sequence number up to which every change of the original is done, in each of its shards."""
        path = f"/{self.of}/_stats?level=shards&filter_path=indices.*.shards.*.seq_no,indices.*.shards.*.routing"
        found = self._connection.change("GET", path) or {}
        shards = [
            copy for index in found.get("indices", {}).values() for shard in index["shards"].values() for copy in shard
        ]
        return min((one["seq_no"]["global_checkpoint"] for one in shards if one["routing"]["primary"]), default=-1)

    def bring(self) -> Copied:
        """Copy what the copy has not or has otherwise, and remove what the original has no more."""
        return self._send(_changes(self._watched(self._rows(_EVERYTHING)), self._heads(self.name), self.name))

    def follow(self, since: int) -> int:
        """Copy what was put or changed after a sequence number; return how much that was."""
        rows = self._rows({"range": {"_seq_no": {"gt": since}}})
        return self._send(_change(self.name, row) for row in rows).copied

    def compare(self) -> Copied:
        """Compare all ids and labels, mend what differs, and return how much that was."""
        self.refresh(self.name)
        return self._send(self._whole(_changes(self._watched(self._heads(self.of)), self._heads(self.name), self.name)))

    def refresh(self, index: str) -> None:
        """Let searches find all that an index has."""
        self._connection.change("POST", f"/{index}/_refresh")

    def _rows(self, query: Mapping[str, Any]) -> Iterator[Row]:
        self.refresh(self.of)
        return walk(self._connection, self.of, dict(query))

    def _heads(self, index: str) -> Iterator[Row]:
        self.refresh(index)
        return walk_heads(self._connection, index, _EVERYTHING, _CAN_CHANGE)

    def _watched(self, rows: Iterator[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows, 1):
            yield row
            if number % _TOGETHER == 0:
                self._step(_TOGETHER)

    def _whole(self, changes: Iterator[Change]) -> Iterator[Change]:
        """Yield changes with the whole source of each record, which comparing does not read."""
        while some := list(islice(changes, _TOGETHER)):
            yield from (change for change in some if change.action == "delete")
            ids = [change.record_id for change in some if change.action == "index"]
            for row in self._rows({"ids": {"values": ids}}) if ids else ():
                yield _change(self.name, row)

    def _send(self, changes: Iterable[Change]) -> Copied:
        done = Copied()
        changes = iter(changes)
        flying: deque[tuple[Sequence[Change], Future[list[Answer]]]] = deque()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while some := list(islice(changes, _TOGETHER)):
                flying.append((some, pool.submit(self._bulk.send, some)))
                if len(flying) > _AT_ONCE:
                    _take(*flying.popleft(), done)
            while flying:
                _take(*flying.popleft(), done)
        return done


def pair(ours: Iterable[Row], theirs: Iterable[Row]) -> Iterator[Pair]:
    """Yield each record of two indices once, with its twin or None; both are by time and record id (pure)."""
    left, right = iter(ours), iter(theirs)
    here, there = next(left, None), next(right, None)
    while here is not None or there is not None:
        if there is None or (here is not None and _place(here) < _place(there)):
            yield here, None
            here = next(left, None)
        elif here is None or _place(there) < _place(here):
            yield None, there
            there = next(right, None)
        else:
            yield here, there
            here, there = next(left, None), next(right, None)


def _changes(ours: Iterable[Row], theirs: Iterable[Row], name: str) -> Iterator[Change]:
    for here, there in pair(ours, theirs):
        if here is None:
            yield Change("delete", name, str((there or {})["_id"]))
        elif there is None or _changing(here) != _changing(there):
            yield _change(name, here)


def _change(name: str, row: Row) -> Change:
    return Change("index", name, str(row["_id"]), orjson.dumps(row["_source"]))


def _place(row: Row) -> tuple[int, str]:
    return int(row["sort"][0]), str(row["_id"])


def _changing(row: Row) -> bytes:
    source = row.get("_source", {})
    return orjson.dumps([source.get(name) or None for name in _CAN_CHANGE], option=orjson.OPT_SORT_KEYS)


def _take(some: Sequence[Change], future: Future[list[Answer]], done: Copied) -> None:
    answers = future.result()
    refused = [(change, answer) for change, answer in zip(some, answers, strict=True) if answer.status in (400, 413)]
    if refused:
        first = "; ".join(f"{change.record_id}: {answer.reason}" for change, answer in refused[:_SHOWN])
        raise RecordRefusedError(
            f"{len(refused):,} or more records cannot be indexed as the templates say now ({first}); the index "
            "stays as it is: change the templates (PREFIX@custom, settings), or forget these records"
        )
    for change in some:
        if change.action == "delete":
            done.removed += 1
        else:
            done.copied += 1
