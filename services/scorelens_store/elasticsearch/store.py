"""Writing records to Elasticsearch."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final, TypeVar
from urllib.parse import quote

from scorelens_runtime.turns import TURNS
from scorelens_store.contract import Label, Outcome, PutResult, Record
from scorelens_store.elasticsearch.answers import Answer
from scorelens_store.elasticsearch.bulk import Bulk, Change, deletions
from scorelens_store.elasticsearch.dead_letters import dead_letters_name
from scorelens_store.elasticsearch.doubts import Doubts
from scorelens_store.elasticsearch.errors import NoAnswerError, is_blocked
from scorelens_store.elasticsearch.indices import index_name, index_pattern, period_end, writing_name
from scorelens_store.elasticsearch.mapping import to_source
from scorelens_store.elasticsearch.merging import merge_removed
from scorelens_store.elasticsearch.number_fields import NumberFields, names_of
from scorelens_store.elasticsearch.pages import walk_ids
from scorelens_store.elasticsearch.query import Query, to_query
from scorelens_store.elasticsearch.reader import ElasticsearchReader
from scorelens_store.elasticsearch.settings import ElasticsearchSettings, from_environment
from scorelens_store.elasticsearch.setup import Setup
from scorelens_store.elasticsearch.shared_lock import SharedLock
from scorelens_store.elasticsearch.tombstones import Tombstones
from scorelens_store.elasticsearch.unindexed import names_apart, split
from scorelens_store.errors import RecordNotFoundError, RecordRefusedError, StoreUnavailableError
from scorelens_store.fields import FIELDS
from scorelens_store.forgettable import find_long, ids_of
from scorelens_store.moving import Forgotten
from scorelens_store.query.tree import Any as AnyOf
from scorelens_store.query.tree import Equals, Range
from scorelens_store.values import Values, encode, field_values, from_microseconds

_Answer = TypeVar("_Answer")


def open_store(url: str, settings: ElasticsearchSettings | None = None, **changes: Any) -> ElasticsearchStore:
    """Open the store at http(s)://[NAME:PASSWORD@]HOST[:PORT], which need not answer yet.

    Settings come from SCORELENS_ELASTICSEARCH_*; `changes` replace single ones. Raises SettingError.
    """
    return ElasticsearchStore(url, replace(settings or from_environment(), **changes))


class ElasticsearchStore(ElasticsearchReader):
    """Reads and changes the records of one prefix."""

    parallel_puts = 3
    """One request leaves the server waiting for us, and us for the server."""

    def __init__(self, url: str, settings: ElasticsearchSettings) -> None:
        super().__init__(url, settings)
        self._bulk = Bulk(self._connection, settings.bulk_bytes, settings.retries)
        self._puts = Bulk(self._connection, settings.bulk_bytes, settings.retries, refresh=not settings.refresh)
        self._tombstones = Tombstones(self._connection, self._bulk, settings.prefix)
        self._numbers = NumberFields(self._connection)
        self._doubts = Doubts()
        self._tombstones_seen = 0
        self._setup = Setup(self._connection, settings)
        # Within one process nothing is put between a tombstone and the removal of what it covers.
        self._writing = SharedLock()
        self._preparing = threading.Lock()
        self._prepared = False

    def put(self, records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        """Insert records that are not there yet; return one result each, in order."""
        records = [record for some in chain((records,), more) for record in some]
        with TURNS.take(first=True):
            results, checked = self._check(records)
        with self._writing.together():
            self._prepare()
            seen = self._tombstones_seen
            covered = self._covered([entry for _, entry in checked])
            # One that was put before it was covered, by a put that then failed, would stay for ever.
            self._delete(
                [(entry.index, entry.record_id) for (_, entry), was in zip(checked, covered, strict=True) if was]
            )
            results |= {number: _FORGOTTEN for (number, _), was in zip(checked, covered, strict=True) if was}
            wanted = [pair for pair, was in zip(checked, covered, strict=True) if not was]
            for (number, _), result in zip(wanted, self._insert([entry for _, entry in wanted], seen), strict=True):
                results[number] = result
        return [results[number] for number in range(len(records))]

    def _insert(self, entries: Sequence[_Checked], seen: int) -> list[PutResult]:
        """Put records that no tombstone covered; `seen` tombstones were known before that was looked up."""
        ids = [entry.record_id for entry in entries]
        answers, error = self._puts.attempt([entry.change() for entry in entries])
        if error is not None:
            self._doubts.keep(ids, answers)
            if isinstance(error, NoAnswerError):
                self._prepared = False  # what comes back may be another server, restored without the templates
            raise error
        new = self._doubts.settle(ids, answers)
        try:
            late = self._remove_late(entries, seen)
            return [
                _FORGOTTEN if gone else self._result(entry, answer, was_new)
                for entry, answer, was_new, gone in zip(entries, answers, new, late, strict=True)
            ]
        except StoreUnavailableError:
            self._doubts.take_back([one for one, was in zip(ids, new, strict=True) if was])
            raise

    def _covered(self, entries: Sequence[_Checked]) -> list[bool]:
        return self._tombstones.covered([entry.ids for entry in entries])

    def _remove_late(self, entries: Sequence[_Checked], seen: int) -> list[bool]:
        """Remove what another process forgot while we put it; return which of the records that was.

        Its tombstone came after our look for tombstones, and its look for records may have come before our records.
        """
        count = self._tombstones.count()
        if count == seen:
            return [False] * len(entries)
        covered = self._covered(entries)
        late = [(entry.index, entry.record_id) for entry, was in zip(entries, covered, strict=True) if was]
        self._delete(late)
        self._tombstones_seen = count
        return covered

    def annotate(self, record_id: str, labels: Mapping[str, Label]) -> None:
        """Add labels to a record, replacing those of the same name. Raises RecordNotFoundError."""
        _check_labels(record_id, labels)
        found = self._place(record_id) or self._place(record_id, refreshed=True)
        index = self._written_as(found[0]["_index"]) if found else ""
        # The partial document is merged on the server, so that two people's labels do not overwrite each other's.
        path = f"/{index}/_update/{quote(record_id, safe='')}?refresh=true&retry_on_conflict=10"
        body = {"doc": split({"labels": dict(labels)})}
        if not found or not _past_blocks(lambda: self._connection.change("POST", path, body), _BLOCKED):
            raise RecordNotFoundError(f"there is no record {record_id!r}")

    def _place(self, record_id: str, *, refreshed: bool = False) -> list[dict[str, Any]]:
        if refreshed:
            self._refresh()
        body = {"query": {"ids": {"values": [record_id]}}, "size": 1, "_source": False}
        found: list[dict[str, Any]] = self._search(body)["hits"]["hits"]
        return found

    def forget(
        self,
        *,
        record_ids: Sequence[str] = (),
        document_ids: Sequence[str] = (),
        customer_ids: Sequence[str] = (),
    ) -> int:
        """Remove records for good and leave hashed tombstones; return how many were removed."""
        named = {"record.id": record_ids, "document.id": document_ids, "customer.id": customer_ids}
        # An empty id stands for none: it would take every record without one along.
        kept = {name: [value for value in values if value] for name, values in named.items()}
        nodes = tuple(
            AnyOf(tuple(Equals(FIELDS[name], value) for value in values)) for name, values in kept.items() if values
        )
        if not nodes:
            return 0
        with self._writing.alone():
            # Tombstones come first: after a crash between the two, the same call finishes what was begun.
            for name, values in kept.items():
                if values:
                    self._tombstones.add(name, values)
            self._refresh()
            if long := find_long(self, kept):
                nodes = (*nodes, AnyOf(tuple(Equals(FIELDS["record.id"], one) for one in long)))
            query = to_query(AnyOf(nodes))
            # What another process was putting meanwhile is met by a second look.
            return self._remove(self.settings.prefix, query) + self._remove(self.settings.prefix, query)

    def forgotten(self) -> Iterator[Forgotten]:
        """Yield the hashes of all that was forgotten, those taken over included, some at a time."""
        return self._tombstones.all()

    def keep_out(self, forgotten: Forgotten) -> int:
        """Take hashes of another store over and return how many are new; what they cover is refused, not removed."""
        with self._writing.alone():
            return self._tombstones.take(forgotten)

    def covers(self, records: Sequence[Record]) -> list[bool]:
        """Tell of each record, of which the ids suffice, whether it was forgotten."""
        return self._tombstones.covered([ids_of(record) for record in records])

    def bytes_on_disk(self) -> int:
        """Return 0: the server bounds its own disks."""
        return 0

    def purge(self, least: float = 0.0) -> Iterator[tuple[int, int]]:
        """Merge the segments that hold removed records, index by index; yield done and total.

        With a `least` nothing is done: the server merges such segments by itself.
        """
        if not least:
            yield from merge_removed(self._connection, self.settings.prefix)

    def expire(self, before: datetime) -> int:
        """Remove what is older, as retention does, without tombstones; return how many records went."""
        if before.tzinfo is None:
            before = before.replace(tzinfo=UTC)
        older = to_query(Range(FIELDS["@timestamp"], None, before, with_high=False))
        with self._writing.alone():
            self._refresh()
            gone = sum(self._drop(index) for index in self._indices() if _is_over(self.settings.prefix, index, before))
            return gone + self._remove(self.settings.prefix, older)

    def remove_everything(self) -> None:
        """Delete all indices of the prefix and what made them, tombstones too."""
        with self._writing.alone():
            for index in (*self._indices(), self._tombstones.index, dead_letters_name(self.settings.prefix)):
                self._connection.change("DELETE", f"/{index}?ignore_unavailable=true")
            self._setup.remove_templates()
            self._prepared = False

    def _prepare(self) -> None:
        """Have templates there, once per process and whenever the server can be reached first."""
        with self._preparing:
            if not self._prepared:
                self._setup.prepare()
                self._prepared = True

    def _check(self, records: Sequence[Record]) -> tuple[dict[int, PutResult], list[tuple[int, _Checked]]]:
        results: dict[int, PutResult] = {}
        checked: list[tuple[int, _Checked]] = []
        for number, record in enumerate(records):
            try:
                checked.append((number, _Checked.of(record, self.settings)))
            except RecordRefusedError as exc:
                results[number] = PutResult(Outcome.REJECTED, str(exc))
        return results, checked

    def _result(self, entry: _Checked, answer: Answer, new: bool) -> PutResult:
        if new:
            unmapped = self._numbers.unmapped(entry.index, names_of(entry.values).difference(entry.apart))
            return PutResult(Outcome.STORED, unmapped_fields=unmapped + len(entry.apart))
        if answer.status == 409:
            return PutResult(Outcome.DUPLICATE)
        return PutResult(Outcome.REJECTED, answer.reason)

    def _indices(self) -> list[str]:
        path = f"/{index_pattern(self.settings.prefix)}/_alias/{self.settings.prefix}"
        return sorted(self._connection.request("GET", path) or {})

    def _drop(self, index: str) -> int:
        found = self._connection.request("GET", f"/{index}/_count") or {}
        # Where it was made anew in this moment, its name is an alias, which is refused; the next call removes it.
        gone = self._connection.change("DELETE", f"/{index}")
        self._numbers.forget(self._written_as(index))
        return int(found.get("count", 0)) if gone else 0

    def _refresh(self) -> None:
        """Let searches find what was put without a refresh."""
        self._connection.change("POST", f"/{self.settings.prefix}/_refresh?ignore_unavailable=true")

    def _remove(self, index: str, query: Query) -> int:
        self._refresh()
        # Page by page, since not every server has delete-by-query.
        return sum(self._delete(page, patience=_BLOCKED) for page in self._matches(index, query))

    def _matches(self, index: str, query: Query) -> Iterator[list[tuple[str, str]]]:
        for page in walk_ids(self._connection, index, query):
            yield [(self._written_as(name), record_id) for name, record_id in page]

    def _delete(self, keys: Sequence[tuple[str, str]], patience: float = 0.0) -> int:
        """Delete what is there by index and id, and return how many that were; wait so many seconds past blocks."""
        removed = 0

        def once() -> None:
            nonlocal keys, removed
            answers, error = self._bulk.attempt(deletions(keys))
            removed += sum(answer.status == 200 or (answer.status == 404 and answer.unsure) for answer in answers)
            # What is not there need not be removed, be it that the whole index is not.
            keys = [key for key, answer in zip(keys, answers, strict=True) if not answer.final and answer.status != 404]
            if keys and error is not None:
                raise error

        if keys:
            _past_blocks(once, patience)
        return removed

    def _written_as(self, index: str) -> str:
        # Between a search and what follows from it the records may have been indexed anew, under another name.
        return writing_name(self.settings.prefix, index)


@dataclass(frozen=True)
class _Checked:
    """A record that may be stored, and where."""

    values: Values
    source: bytes
    index: str
    ids: Values
    apart: tuple[str, ...]
    """Names of what the server could not index."""

    @classmethod
    def of(cls, record: Record, settings: ElasticsearchSettings) -> _Checked:
        values = field_values(record)
        if len(str(values["record.id"][0]).encode()) > _LONGEST_ID:
            raise RecordRefusedError(f"record.id is longer than the {_LONGEST_ID} bytes that Elasticsearch takes")
        index = _index_of(settings.prefix, settings.period, int(values["@timestamp"][0]) // _DAY)
        source = to_source(record, values)
        return cls(values, encode(source), index, ids_of(record), names_apart(source))

    @property
    def record_id(self) -> str:
        return str(self.values["record.id"][0])

    def change(self) -> Change:
        return Change("create", self.index, self.record_id, self.source)


@functools.lru_cache(maxsize=1024)
def _index_of(prefix: str, period: str, day: int) -> str:
    return index_name(prefix, period, from_microseconds(day * _DAY))


_LONGEST_ID: Final = 512
_BLOCKED: Final = 20.0
_BLOCKED_PAUSE: Final = 0.1
"""Seconds that a label and a removal wait for an index that takes no writes, and between two tries."""
_FORGOTTEN: Final = PutResult(Outcome.FORGOTTEN)
_DAY: Final = 86_400_000_000  # microseconds; no index ends within one


def _past_blocks(action: Callable[[], _Answer], patience: float) -> _Answer:
    """Do something, again while an index takes no writes since its copy is being put in its place."""
    limit = time.monotonic() + patience
    while True:
        try:
            return action()
        except StoreUnavailableError as error:
            if not is_blocked(error) or time.monotonic() > limit:
                raise
        time.sleep(_BLOCKED_PAUSE)


def _check_labels(record_id: str, labels: Mapping[str, Label]) -> None:
    """Raise RecordRefusedError for labels that no record can hold."""
    record = {"record": {"id": record_id or "-"}, "@timestamp": "2000-01-01T00:00:00Z", "labels": dict(labels)}
    field_values(record)
    encode(record)


def _is_over(prefix: str, index: str, before: datetime) -> bool:
    end = period_end(prefix, index)
    return end is not None and end <= before
