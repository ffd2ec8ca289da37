"""Records on their way from one store to another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scorelens_client.migrating.run import PATIENCE, Plan, Run
from scorelens_store.contract import Outcome
from scorelens_store.errors import StoreUnavailableError
from tests.scorelens_client.migrating.places import Watcher, everything, fill, migrate, place, source, target
from tests.scorelens_store.conftest import STORES
from tests.scorelens_store.records import START, corpus, make, record_id

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=STORES)
def end(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Name an empty store of each kind."""
    yield from place(request.param, request, tmp_path)


@pytest.fixture(params=STORES)
def begin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Name a store of each kind with the corpus in it, of which some was labelled and some forgotten."""
    for where in place(request.param, request, tmp_path):
        fill(where, corpus())
        store = target(where)
        store.annotate(record_id(5), {"verdict": "wrong", "sure": 0.5})
        store.forget(document_ids=["d-10"], customer_ids=["c-2"], record_ids=[record_id(40)])
        store.close()
        yield where


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Name an embedded store with fifty records."""
    where = str(tmp_path / "small")
    fill(where, [make(number) for number in range(50)])
    return where


def test_all_comes_along_in_every_direction(begin: str, end: str) -> None:
    """Records arrive as they were, labels included, and forgotten ones are refused; a second run has nothing to do."""
    report = migrate(begin, end, watcher := Watcher())
    due = everything(source(begin))
    assert everything(source(end)) == due
    assert report.complete
    assert (report.copied, report.found, report.missing) == (len(due), len(due), [])
    assert report.tombstones == 3
    assert watcher.copied == watcher.compared == watcher.expected == len(due)
    assert sum(day.target for day in report.days.values()) == len(due)
    store = target(end)
    gone = [record for record in corpus() if record not in due and record["record"]["id"] != record_id(5)]
    assert len(gone) > 5
    assert {result.outcome for result in store.put(gone)} == {Outcome.FORGOTTEN}
    assert {result.outcome for result in store.put(due)} == {Outcome.DUPLICATE}
    store.close()
    again = migrate(begin, end)
    assert (again.complete, again.copied, again.tombstones, again.there) == (True, 0, 0, len(due))


def test_what_was_forgotten_goes_on_from_store_to_store(begin: str, end: str, tmp_path: Path) -> None:
    """A third store refuses what the first one has forgotten, and what the second one has."""
    migrate(begin, end)
    second = target(end)
    second.forget(document_ids=["d-3"])
    second.close()
    third = str(tmp_path / "third")
    assert migrate(end, third).tombstones == 4
    store = target(third)
    parts = [{"document": {"id": "d-10"}}, {"customer": {"id": "c-2"}}, {"document": {"id": "d-3"}}]
    results = store.put([make(900 + number, **part) for number, part in enumerate(parts)])
    store.close()
    assert {result.outcome for result in results} == {Outcome.FORGOTTEN}


@pytest.mark.parametrize("batches", [1, 3, 5])
def test_a_killed_run_goes_on(small: str, end: str, batches: int) -> None:
    """After kill -9 with batches on their way, the next run brings the rest; nothing is there twice or missing.

    At least one of the eight batches has not begun then: two others may be on their way.
    """
    command = [sys.executable, "-m", "tests.scorelens_client.migrating.killed", small, end, str(batches)]
    killed = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONSAFEPATH": ""}, capture_output=True, timeout=60
    )
    assert killed.returncode == -9, killed.stderr.decode()
    there = len(everything(source(end)))
    assert 0 < there < 50
    report = migrate(small, end)
    assert report.complete
    assert report.copied <= 50 - there  # a server may still have stored what was on its way
    assert everything(source(end)) == everything(source(small))


def test_a_source_in_use_loses_nothing(small: str, end: str) -> None:
    """What comes, is labelled or forgotten in the source during a run arrives with it, or with the next one."""
    writer = target(small)

    def meanwhile(step: int) -> None:
        if step == 1:
            writer.put([make(1000, **{"@timestamp": START.isoformat()})])
            writer.forget(document_ids=["d-4"], record_ids=[record_id(2), record_id(49)])
            writer.annotate(record_id(3), {"verdict": "late"})

    report = migrate(small, end, Watcher(meanwhile))
    assert report.complete
    assert report.removed == 2
    assert {record["record"]["id"] for record in everything(source(end))} == {
        record["record"]["id"] for record in everything(writer)
    }
    writer.put([make(1001)])
    writer.annotate(record_id(6), {"verdict": "later"})
    again = migrate(small, end)
    assert (again.complete, again.copied, again.relabelled) == (True, 1, 1)
    assert everything(source(end)) == everything(writer)
    writer.close()


def test_a_target_in_use_keeps_what_it_has(small: str, end: str) -> None:
    """Records that only the target has stay, and what it has forgotten stays out; both are counted."""
    fill(end, [make(7), make(2000)])
    store = target(end)
    store.forget(document_ids=["d-8"])
    store.close()
    report = migrate(small, end)
    assert report.complete
    assert (report.copied, report.there, report.forgotten, report.removed) == (48, 1, 1, 0)
    assert sum(day.only_target for day in report.days.values()) <= 1
    found = {record["record"]["id"] for record in everything(source(end))}
    assert found == {record_id(number) for number in [*range(50), 2000] if number != 8}


def test_what_the_source_forgets_later_leaves_the_target(small: str, end: str) -> None:
    """A second run removes what was forgotten in the source since the first, all of a day included."""
    lone = make(3000, customer={"id": "c-lone"})
    fill(small, [lone])
    migrate(small, end)
    store = target(small)
    store.forget(customer_ids=["c-lone"], document_ids=["d-20"])
    store.close()
    report = migrate(small, end)
    assert (report.removed, report.tombstones, report.copied) == (2, 2, 0)
    assert everything(source(end)) == everything(source(small))


@pytest.mark.parametrize(("labels_of", "verdict"), [("target", "right"), ("source", "wrong")])
def test_labels_that_differ_stay_as_one_says(small: str, end: str, labels_of: str, verdict: str) -> None:
    """Labels that the target lacks are added; where both have one, the plan says whose stays."""
    migrate(small, end)
    own: list[tuple[str, dict[str, str | float | bool]]] = [
        (small, {"verdict": "wrong", "new": True}),
        (end, {"verdict": "right", "own": 1.5}),
    ]
    for where, labels in own:
        store = target(where)
        store.annotate(record_id(1), labels)
        store.close()
    report = migrate(small, end, plan=Plan(labels_of=labels_of))
    assert (report.relabelled, report.label_conflicts) == (1, 1)
    found = source(end).get(record_id(1))
    assert found is not None
    assert found["labels"] == {"verdict": verdict, "new": True, "own": 1.5}


def test_what_is_missing_at_the_end_is_named(small: str, tmp_path: Path) -> None:
    """Where the target loses records as fast as they come, the run ends and names them."""
    end = str(tmp_path / "end")
    filling = target(end)
    before = START + timedelta(minutes=100)

    def lose(step: int) -> None:
        filling.expire(before)

    watcher = Watcher(lose)
    report = Run(source(small), filling, Plan(), watcher).migrate()
    filling.close()
    assert not report.complete
    assert set(report.missing) == {record_id(number) for number in range(15)}
    assert sum(day.missing for day in report.days.values()) == 15


@pytest.mark.elasticsearch
@pytest.mark.parametrize("end", ["elasticsearch"], indirect=True)
def test_what_elasticsearch_never_takes_is_told(small: str, end: str) -> None:
    """Records that the server cannot store are given with the reason; all others arrive, and counts add up."""
    deep: Any = "end"
    for _ in range(30):
        deep = {"d": deep}
    odd = [
        make(3, record={"id": "x" * 600, "type": "document"}),
        make(4, record={"id": "deep", "type": "document"}, document={"id": "d", "attributes": {"deep": deep}}),
    ]
    fill(small, odd)
    report = migrate(small, end, watcher := Watcher())
    assert set(watcher.rejected) <= {"x" * 600, "deep"}
    assert "512 bytes" in watcher.rejected["x" * 600]
    assert report.complete
    assert report.rejected == len(watcher.rejected)
    assert len(everything(source(end))) == 52 - len(watcher.rejected)


@pytest.mark.elasticsearch
@pytest.mark.parametrize("end", ["elasticsearch"], indirect=True)
def test_a_target_that_is_away_is_waited_for(small: str, end: str) -> None:
    """A server that takes nothing for a while holds the run up; one that never comes back ends it."""
    fill(end, [make(0), make(60)])
    store: Any = target(end)
    index = f"{end.rpartition('#')[2]}-2026.11"
    store._connection.request("PUT", f"/{index}/_block/write")
    slept: list[float] = []
    with pytest.raises(StoreUnavailableError):
        migrate(small, end, sleep=slept.append)
    assert sum(slept) >= PATIENCE

    def unblock(seconds: float) -> None:
        store._connection.request("PUT", f"/{index}/_settings", {"index.blocks.write": None})

    report = migrate(small, end, watcher := Watcher(), sleep=unblock)
    assert report.complete
    assert len(watcher.waited) == 1
    assert report.copied == 49


@pytest.mark.elasticsearch
@pytest.mark.parametrize("end", ["elasticsearch"], indirect=True)
def test_a_running_indexer_learns_what_was_taken_over(begin: str, end: str) -> None:
    """A store that is open already refuses what a migration forgot, from the moment the hashes are there."""
    indexer = target(end)
    indexer.forget(document_ids=["d-own"])
    indexer.put([make(1)])
    migrate(begin, end)
    results = indexer.put([make(901, document={"id": "d-10"}), make(902, document={"id": "d-own"}), make(903)])
    assert [result.outcome for result in results] == [Outcome.FORGOTTEN, Outcome.FORGOTTEN, Outcome.STORED]


def test_a_span_of_time_is_all_that_is_looked_at(small: str, end: str) -> None:
    """Within bounds, only records of that time are copied, and a later run takes the others."""
    plan = Plan(since=START + timedelta(minutes=70), until=START + timedelta(minutes=140))
    assert migrate(small, end, plan=plan).copied == 10
    assert migrate(small, end, plan=replace(plan, until=None)).copied == 30
    assert migrate(small, end).copied == 10


def test_a_dry_run_changes_nothing(small: str, end: str) -> None:
    """A dry run tells what would be copied, and the target stays as it was."""
    fill(end, [make(7)])
    assert migrate(small, end, plan=Plan(dry=True)).copied == 49
    assert len(everything(source(end))) == 1
