"""The threads that change the store.

Many small exports share a put, since what a commit costs hardly depends on its size: those that came while the last one
was committed and, for a moment, those that are being read. The store takes the first ones in meanwhile. A lone export
waits for nobody. A store that is at its best with several puts under way has as many threads; one that commits by
itself has one. Changes that people ask for (labels, forgetting) and retention keep their place among the records: they
wait for the puts before them, run alone, and hold back those behind.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from scorelens_indexer.errors import OverloadedError
from scorelens_runtime.errors import UnavailableError
from scorelens_store.contract import PutResult, Record, Store
from scorelens_store.errors import PartUnavailableError

LINGER: Final = 0.25
"""Seconds that records wait at most for others that are being made, before they are committed."""

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


OnPut = Callable[[str, float], None]
"""Hears of a put that has ended: STORED, AWAY or FAILED, and the seconds it took."""
STORED, AWAY, FAILED = "stored", "away", "failed"


def _nothing(outcome: str, seconds: float) -> None:
    """Hear nothing."""


@dataclass(frozen=True)
class _Put:
    """Records of one export; `size` is what they took on the wire, in bytes."""

    records: Sequence[Record]
    size: int
    future: Future[list[PutResult]] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Change:
    """Anything else that changes the store."""

    action: Callable[[Store], Any]
    future: Future[Any] = field(default_factory=Future)


class Writer:
    """Puts records of concurrent callers into a store together. Callers bound how much waits (see budget.py)."""

    def __init__(self, store: Store, *, batch_bytes: int, batch_records: int, on_put: OnPut = _nothing) -> None:
        """Start the threads; one `Store.put` gets at most so many bytes or records, or else a single export."""
        self._store, self._batch_bytes, self._batch_records = store, batch_bytes, batch_records
        self._on_put = on_put
        self._waiting: deque[_Put | _Change] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.is_store_away = False
        self._part_away = ""
        self._putting = self._coming = 0
        self._changing = False
        self._group: list[_Put] | None = None  # that puts may join
        self._threads = [
            threading.Thread(target=self._work, name=f"writer-{number}", daemon=True)
            for number in range(store.parallel_puts)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Say that records will be put soon, while they are made."""
        with self._changed:
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1
                self._changed.notify_all()

    def put(self, records: Sequence[Record], size: int) -> list[PutResult]:
        """Wait until records are committed; return one result each. Raises what `Store.put` raises."""
        results: list[PutResult] = self._submit(_Put(records, size)).result()
        return results

    def change(self, action: Callable[[Store], Answer]) -> Answer:
        """Run a change on the store and return what it returns."""
        answer: Answer = self._submit(_Change(action)).result()
        return answer

    def close(self) -> None:
        """Finish what waits, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _submit(self, item: _Put | _Change) -> Future[Any]:
        with self._changed:
            if self._closed:
                raise OverloadedError("the indexer is shutting down; try again later")
            self._waiting.append(item)
            self._changed.notify_all()
        return item.future

    def _work(self) -> None:
        while taken := self._take():
            if isinstance(taken, _Change):
                _settle(taken, self._store)
            else:
                self._commit(taken)
            self._done(taken)

    def _take(self) -> _Change | list[_Put] | None:
        """Wait for what may be done now, a change or the first of a group; None at the end."""
        with self._changed:
            while not (self._may_go_on() or (self._closed and not self._waiting)):
                self._changed.wait()
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            if isinstance(item, _Change):
                self._changing = True
                return item
            self._putting += 1
            self._group = [item]
            return self._group

    def _may_go_on(self) -> bool:
        if not self._waiting or self._changing:
            return False
        return self._group is None if isinstance(self._waiting[0], _Put) else not self._putting

    def _done(self, taken: _Change | list[_Put]) -> None:
        with self._changed:
            if isinstance(taken, _Change):
                self._changing = False
            else:
                self._putting -= 1
            self._changed.notify_all()

    def _commit(self, group: list[_Put]) -> None:
        try:
            self._put(group, self._joining(group))
        finally:
            self._close(group)

    def _joining(self, group: list[_Put]) -> Iterator[Sequence[Record]]:
        """Yield the records of puts behind the first one, as far as the bounds of one commit allow; add them to it."""
        while item := self._next(group):
            group.append(item)
            yield item.records
        self._close(group)

    def _close(self, group: list[_Put]) -> None:
        """Let nobody join a group any more, and the next one begin."""
        with self._changed:
            if self._group is group:
                self._group = None
                self._changed.notify_all()

    def _next(self, group: Sequence[_Put]) -> _Put | None:
        """Take the put that joins a group; wait for it while there is one on its way, for a moment."""
        size, records = sum(item.size for item in group), sum(len(item.records) for item in group)
        until = group[0].since + LINGER if size < self._batch_bytes // 2 else 0.0
        with self._changed:
            while not self._waiting and self._coming and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            item = self._waiting[0] if self._waiting else None
            if not isinstance(item, _Put):
                return None
            if size + item.size > self._batch_bytes or records + len(item.records) > self._batch_records:
                return None
            self._waiting.popleft()
            return item

    def _put(self, group: list[_Put], more: Iterable[Sequence[Record]] = ()) -> None:
        """Put the first of a group and what joins it."""
        began = time.perf_counter()
        try:
            results = self._store.put(group[0].records, more)
        except PartUnavailableError as error:
            self._on_put(AWAY, time.perf_counter() - began)
            self._note_part(error)
            self._put_apart(group, error)
        except UnavailableError as error:
            self._on_put(AWAY, time.perf_counter() - began)
            self._note(error)
            for item in group:
                item.future.set_exception(error)
        except Exception as error:
            self._on_put(FAILED, time.perf_counter() - began)
            self._put_apart(group, error)
        else:
            self._on_put(STORED, time.perf_counter() - began)
            self._note(None)
            _share_out(group, results)

    def _put_apart(self, group: Sequence[_Put], error: Exception) -> None:
        """Let a failure that lies in some records meet only the exports that bring it about."""
        if len(group) == 1:
            group[0].future.set_exception(error)
        else:
            for item in group:
                self._put([item])

    def _note_part(self, error: PartUnavailableError) -> None:
        """Log what keeps some records out while others are stored, unless it was the last to be logged."""
        if str(error) != self._part_away:
            _log.warning("the store cannot take some records; their senders keep them", extra={"error": str(error)})
        self._part_away = str(error)

    def _note(self, error: UnavailableError | None) -> None:
        """Log when the store goes away and when it is back, and nothing in between."""
        if error is not None and not self.is_store_away:
            _log.warning("the store is away; senders keep what they have", extra={"error": str(error)})
        if error is None and self.is_store_away:
            _log.info("the store is back")
        self.is_store_away = error is not None


def _settle(change: _Change, store: Store) -> None:
    try:
        change.future.set_result(change.action(store))
    except Exception as error:
        change.future.set_exception(error)


def _share_out(group: Sequence[_Put], results: Sequence[PutResult]) -> None:
    """Give each export the results of its own records."""
    start = 0
    for item in group:
        end = start + len(item.records)
        item.future.set_result(list(results[start:end]))
        start = end
