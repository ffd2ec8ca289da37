"""Making one index the same as another, record by record, while records of the first may come, change and go.

A record's version in the copy is its version in the original, so that comparing the two needs no record to be read, and
a request that was thought to be lost and is done late changes nothing: the server refuses an older version.
"""

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
from scorelens_store.elasticsearch.pages import walk, walk_versions
from scorelens_store.errors import RecordRefusedError

_TOGETHER: Final = 500
_BYTES: Final = 4 * 2**20
"""Records are sent together until there are so many of them, or so many bytes."""

_AT_ONCE: Final = 3
_SHOWN: Final = 5

Row = dict[str, Any]


class DivergedError(Exception):
    """A copy has a later version than its original, whose records were removed and stored anew: begin again."""


@dataclass(frozen=True)
class Version:
    """One record of an index: its time in microseconds, its id, and how often it was changed."""

    time: int
    record_id: str
    number: int

    @property
    def place(self) -> tuple[int, str]:
        """Return its place in the order in which all indices are read."""
        return self.time, self.record_id


Pair = tuple[Version | None, Version | None]


@dataclass
class Copied:
    """How many records were copied, those that had changed included, and how many removed from the copy."""

    copied: int = 0
    removed: int = 0


class Copying:
    """Brings into an index, by the alias `to`, what the index `of` has."""

    def __init__(
        self, connection: Connection, bulk: Bulk, of: str, to: str, step: Callable[[int], None] = lambda count: None
    ) -> None:
        self.of, self.to = of, to
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
        """Copy all that the original has."""
        return self._send(self._changes(self._watched(self._rows({"match_all": {}}))))

    def follow(self, since: int) -> Copied:
        """Copy what was put or changed after a sequence number."""
        return self._send(self._changes(self._rows({"range": {"_seq_no": {"gt": since}}})))

    def level(self) -> Copied:
        """Compare the versions of all records, copy what the copy lacks, and remove what the original has no more.

        Raises DivergedError.
        """
        return self._send(self._levelled(pair(self._versions(self.of), self._versions(self.to))))

    def counts(self) -> tuple[int, int]:
        """Return how many records the original has, and how many the copy."""
        first, second = (self._count(index) for index in (self.of, self.to))
        return first, second

    def _levelled(self, pairs: Iterable[Pair]) -> Iterator[Change]:
        wanted: list[str] = []
        for ours, theirs in pairs:
            if ours is None and theirs is not None:
                # A late request that puts it there again has an older version.
                yield Change("delete", self.to, theirs.record_id, version=theirs.number + 1)
            elif ours is not None and (theirs is None or theirs.number < ours.number):
                wanted.append(ours.record_id)
            elif ours is not None and theirs is not None and theirs.number > ours.number:
                raise DivergedError
            if len(wanted) == _TOGETHER:
                yield from self._fetched(wanted)
                wanted = []
        yield from self._fetched(wanted)

    def _fetched(self, ids: Sequence[str]) -> Iterator[Change]:
        if ids:
            yield from self._changes(self._watched(self._rows({"ids": {"values": list(ids)}})))

    def _rows(self, query: Mapping[str, Any]) -> Iterator[Row]:
        self._refresh(self.of)
        return walk(self._connection, self.of, dict(query), versions=True)

    def _versions(self, index: str) -> Iterator[Version]:
        self._refresh(index)
        for row in walk_versions(self._connection, index):
            time, record_id = row["sort"][:2]
            if record_id is not None:  # it is none of ours; it was copied, and is counted
                yield Version(int(time), str(record_id), int(row["_version"]))

    def _changes(self, rows: Iterable[Row]) -> Iterator[Change]:
        for row in rows:
            yield Change("index", self.to, str(row["_id"]), orjson.dumps(row["_source"]), int(row["_version"]))

    def _watched(self, rows: Iterable[Row]) -> Iterator[Row]:
        number = 0
        for number, row in enumerate(rows, 1):
            yield row
            if number % _TOGETHER == 0:
                self._step(_TOGETHER)
        self._step(number % _TOGETHER)

    def _refresh(self, index: str) -> None:
        """Let searches find all that an index has."""
        self._connection.change("POST", f"/{index}/_refresh")

    def _count(self, index: str) -> int:
        self._refresh(index)
        return int((self._connection.change("GET", f"/{index}/_count") or {}).get("count", 0))

    def _send(self, changes: Iterable[Change]) -> Copied:
        done = Copied()
        flying: deque[tuple[Sequence[Change], Future[list[Answer]]]] = deque()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for some in together(changes):
                flying.append((some, pool.submit(self._bulk.send, some)))
                if len(flying) > _AT_ONCE:
                    _take(*flying.popleft(), done)
            while flying:
                _take(*flying.popleft(), done)
        return done


def pair(ours: Iterable[Version], theirs: Iterable[Version]) -> Iterator[Pair]:
    """Yield each record of two indices once, with its twin or None; both are by time and record id (pure)."""
    left, right = iter(ours), iter(theirs)
    here, there = next(left, None), next(right, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here.place < there.place):
            yield here, None
            here = next(left, None)
        elif here is None or there.place < here.place:
            yield None, there
            there = next(right, None)
        else:
            yield here, there
            here, there = next(left, None), next(right, None)


def together(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Yield changes in lists of bounded number and size (pure)."""
    some: list[Change] = []
    size = 0
    for change in changes:
        some.append(change)
        size += len(change.source)
        if len(some) == _TOGETHER or size >= _BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _take(some: Sequence[Change], future: Future[list[Answer]], done: Copied) -> None:
    answers = list(zip(some, future.result(), strict=True))
    refused = [(change, answer) for change, answer in answers if answer.status in (400, 413)]
    if refused:
        first = "; ".join(f"{change.record_id}: {answer.reason}" for change, answer in islice(refused, _SHOWN))
        raise RecordRefusedError(
            f"{len(refused):,} or more records cannot be indexed as the templates say now ({first}); the index "
            "stays as it is: change the templates (PREFIX@custom, settings), or forget these records"
        )
    for change, answer in answers:
        if answer.status == 409:
            continue  # the copy has a later version already
        if change.action == "delete":
            done.removed += 1
        else:
            done.copied += 1
