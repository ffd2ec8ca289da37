"""The writer joins concurrent exports, and every one gets its own outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from scorelens_indexer.budget import Budget
from scorelens_indexer.errors import OverloadedError
from scorelens_indexer.writer import Writer
from scorelens_store.contract import Outcome, PutResult, Record
from scorelens_store.errors import PartUnavailableError, RecordNotFoundError, StoreUnavailableError
from tests.scorelens_indexer.memory_store import MemoryStore
from tests.scorelens_indexer.waiting import until


def record(number: int) -> Record:
    """Return a record."""
    return {"record": {"id": f"{number:032x}"}, "labels": {}}


class Held:
    """A store that holds its first put while others gather behind it."""

    def __init__(self, **bounds: int) -> None:
        self.store = MemoryStore()
        every: dict[str, Any] = {"batch_bytes": 10**9, "batch_records": 10**9} | bounds
        self.writer = Writer(self.store, **every)
        self.pool = ThreadPoolExecutor(32)
        self.store.gate.clear()
        self.first = self.pool.submit(self.writer.put, [record(0)], 1)
        assert self.store.waiting.wait(30)

    def gather(self, *exports: Sequence[Record]) -> list[Future[list[PutResult]]]:
        """Queue exports one after the other."""
        futures = []
        for place, export in enumerate(exports):
            futures.append(self.pool.submit(self.writer.put, export, 100))
            self.until_waiting(place + 1)
        return futures

    def until_waiting(self, number: int) -> None:
        """Wait until so many exports and changes are queued."""
        until(lambda: len(self.writer._waiting) == number)

    def release(self) -> None:
        """Let the store go on."""
        self.store.gate.set()


def test_concurrent_exports_share_a_commit() -> None:
    """What gathers while one commit runs is committed together, and each export gets its own results."""
    held = Held()
    futures = held.gather([record(1), record(2)], [record(2)], [record(3), record(3), record(4)])
    held.release()
    outcomes = [[str(result.outcome) for result in future.result(30)] for future in futures]
    assert outcomes == [["stored", "stored"], ["duplicate"], ["stored", "duplicate", "stored"]]
    assert held.store.puts == [1, 6]
    held.writer.close()


@pytest.mark.parametrize(
    ("bounds", "puts"),
    [({"batch_records": 4}, [1, 4, 2]), ({"batch_bytes": 200}, [1, 4, 2]), ({"batch_records": 1}, [1, 2, 2, 2])],
)
def test_a_commit_is_bounded(bounds: dict[str, int], puts: list[int]) -> None:
    """A commit takes no more bytes or records than set, though always a whole export."""
    held = Held(**bounds)
    futures = held.gather(*([record(2 * n), record(2 * n + 1)] for n in range(1, 4)))
    held.release()
    for future in futures:
        future.result(30)
    assert held.store.puts == puts
    held.writer.close()


def test_exports_of_which_some_cannot_be_stored_now_are_committed_apart(caplog: pytest.LogCaptureFixture) -> None:
    """Records that only meet trouble of their own hold up nobody else's; that is logged once, and not as an outage."""
    held = Held()
    put = held.store.put

    def refusing(records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        whole = [one for some in (records, *more) for one in some]
        if record(2) in whole:
            raise PartUnavailableError("the index of 2020 is read-only", 15.0)
        return put(whole)

    held.store.put = refusing  # type: ignore[method-assign]
    futures = held.gather([record(1)], [record(2)], [record(3)])
    held.release()
    for refused in (futures[1], held.pool.submit(held.writer.put, [record(2)], 1)):
        with pytest.raises(PartUnavailableError) as caught:
            refused.result(30)
        assert caught.value.retry_after == 15.0
    assert [*futures[0].result(30), *futures[2].result(30)] == [PutResult(Outcome.STORED)] * 2
    assert [line.message for line in caplog.records] == ["the store cannot take some records; their senders keep them"]
    held.writer.close()


def test_a_store_that_is_away_fails_the_group() -> None:
    """When the store is away every export of the group is told so, and the next one works once it is back."""
    held = Held()
    futures = held.gather([record(1)], [record(2)])
    held.store.fault = StoreUnavailableError("away", 3.0)
    held.release()
    for future in (held.first, *futures):
        with pytest.raises(StoreUnavailableError):
            future.result(30)
    held.store.fault = None
    assert held.writer.put([record(1)], 1) == [PutResult(Outcome.STORED)]
    held.writer.close()


def test_a_poisonous_export_fails_alone() -> None:
    """An exception that no store should raise meets only the export that brings it about."""
    held = Held()

    def poison(found: Record) -> str:
        if found == record(2):
            raise ZeroDivisionError
        return ""

    held.store.reject = poison
    good, bad, other = held.gather([record(1)], [record(2)], [record(3)])
    held.release()
    with pytest.raises(ZeroDivisionError):
        bad.result(30)
    assert [result.outcome for future in (good, other) for result in future.result(30)] != []
    assert set(held.store.records) == {record(n)["record"]["id"] for n in (0, 1, 3)}
    held.writer.close()


def test_changes_run_in_order_with_records() -> None:
    """A change that was asked for after an export sees its records, and its failure reaches who asked."""
    held = Held()
    held.gather([record(1)])
    change = held.pool.submit(held.writer.change, lambda store: store.forget(record_ids=[record(1)["record"]["id"]]))
    held.until_waiting(2)
    held.release()
    assert change.result(30) == 1
    with pytest.raises(RecordNotFoundError):
        held.writer.change(lambda store: store.annotate("x", {}))
    held.writer.close()


def test_closing_finishes_what_waits() -> None:
    """Closing answers everything that came before it and refuses what comes after."""
    held = Held()
    futures = held.gather(*([record(n)] for n in range(1, 9)))
    closing = threading.Thread(target=held.writer.close)
    closing.start()
    held.release()
    closing.join(30)
    assert all(future.result(30)[0].outcome is Outcome.STORED for future in futures)
    with pytest.raises(OverloadedError):
        held.writer.put([record(9)], 1)


@pytest.mark.parametrize(
    ("taken", "asked", "fits"),
    [([], 10**9, True), ([60], 40, True), ([60], 41, False), ([1, 1, 1], 1, False), ([1, 1], 1, True)],
)
def test_budget(taken: list[int], asked: int, fits: bool) -> None:
    """Exports fit within bytes and count, a single one always, and room is given back."""
    budget = Budget(max_bytes=100, max_exports=3)
    held: list[Any] = [budget.take(size) for size in taken]
    for one in held:
        one.__enter__()
    attempt: Callable[[], Any] = budget.take(asked).__enter__
    if fits:
        attempt()
    else:
        with pytest.raises(OverloadedError):
            attempt()
        held[0].__exit__(None, None, None)
        budget.take(1).__enter__()


def test_a_group_waits_for_exports_that_are_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another export is on its way records wait for it, no longer than that, and are put together with it."""
    monkeypatch.setattr("scorelens_indexer.writer.LINGER", 60.0)
    store = MemoryStore()
    writer = Writer(store, batch_bytes=10**9, batch_records=10**9)
    with ThreadPoolExecutor(2) as pool:
        with writer.expecting():
            futures = [pool.submit(writer.put, [record(number)], 1) for number in (1, 2)]
            until(lambda: len(writer._group or ()) == 2)
            assert store.puts == []
        for future in futures:
            future.result(30)
    assert store.puts == [2]
    writer.close()


def test_a_store_takes_records_in_while_others_are_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first records of a group reach the store before the last ones are there, and all are put together."""
    monkeypatch.setattr("scorelens_indexer.writer.LINGER", 60.0)
    store, seen = MemoryStore(), list[int]()
    put = store.put

    def noting(records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        def noted() -> Iterator[Sequence[Record]]:
            for some in more:
                seen.append(len(some))
                yield some

        seen.append(len(records))
        return put(records, noted())

    store.put = noting  # type: ignore[method-assign]
    writer = Writer(store, batch_bytes=10**9, batch_records=10**9)
    with ThreadPoolExecutor(2) as pool:
        with writer.expecting():
            futures = [pool.submit(writer.put, [record(1)], 1)]
            until(lambda: seen == [1])
            futures.append(pool.submit(writer.put, [record(2), record(3)], 1))
            until(lambda: seen == [1, 2])
            assert store.puts == []
        assert [len(future.result(30)) for future in futures] == [1, 2]
    assert store.puts == [3]
    writer.close()


def test_a_store_that_fails_before_others_join_leaves_them_to_the_next_put() -> None:
    """Whoever did not join a put that failed is put by the next one."""
    store = MemoryStore()
    put, failing = store.put, threading.Event()
    failing.set()

    def away(records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        if failing.is_set():
            failing.clear()
            raise StoreUnavailableError("away", 3.0)
        return put(records, more)

    store.put = away  # type: ignore[method-assign]
    writer = Writer(store, batch_bytes=10**9, batch_records=10**9)
    with pytest.raises(StoreUnavailableError):
        writer.put([record(1)], 1)
    assert writer.put([record(1)], 1) == [PutResult(Outcome.STORED)]
    writer.close()


class Side(MemoryStore):
    """A store that several puts serve best; counts those under way and notes what a change meets."""

    parallel_puts = 3

    def __init__(self) -> None:
        super().__init__()
        self.under_way = 0
        self.counting = threading.Lock()

    def put(self, records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        """Put, and count meanwhile."""
        with self.counting:
            self.under_way += 1
        try:
            return super().put(records, more)
        finally:
            with self.counting:
                self.under_way -= 1


def test_puts_go_side_by_side_and_changes_alone() -> None:
    """A store may ask for several puts at a time; a change waits for those before it and holds back those behind."""
    store = Side()
    store.gate.clear()
    writer = Writer(store, batch_bytes=1, batch_records=1)
    with ThreadPoolExecutor(8) as pool:
        first = [pool.submit(writer.put, [record(number)], 1) for number in range(2)]
        until(lambda: store.under_way == 2)
        change = pool.submit(writer.change, lambda _: (store.under_way, len(store.records)))
        until(lambda: len(writer._waiting) == 1)
        later = pool.submit(writer.put, [record(9)], 1)
        until(lambda: len(writer._waiting) == 2)
        assert store.under_way == 2
        store.gate.set()
        assert change.result(30) == (0, 2)
        assert [str(result.outcome) for future in (*first, later) for result in future.result(30)] == ["stored"] * 3
    writer.close()
