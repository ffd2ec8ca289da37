"""Batches in doubt: what a real store says of their calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.bulk.batches import Bad, Batch, Line
from scorelens_client.bulk.doubt import Answers, Calls, divide, look_up
from scorelens_client.bulk.pieces import pieces, trace_id
from scorelens_store.contract import Reader, Store
from scorelens_store.open import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An embedded store."""
    with closing(open_store(tmp_path / "store")) as opened:
        yield opened


def record(run: str, first: int, count: int, number: int) -> dict[str, Any]:
    """Return the record of one document of a call."""
    trace = trace_id(run, first, count)
    return {
        "@timestamp": "2026-11-22T10:00:00Z",
        "schema_version": 1,
        "record": {"id": f"{trace[:24]}{number:08x}", "type": "document"},
        "purpose": "test",
        "trace": {"id": trace},
        "document": {"id": str(first + number), "number": number, "kind": "tweet", "text": "x", "length": 1},
        "model": {"id": "words", "version": "7"},
        "tags": ["praise"],
        "titles": {"praise": "Praise"},
        "groups": {"praise": "topic"},
        "score": {"complaint": 0.25, "praise": 0.75},
        "calculation": [{"tag": "praise", "explanation": "exact", "feature": ["good"], "value": [None], "margin": 1.5}],
    }


def batch(first: int, count: int) -> Batch:
    """Return a batch of rows that follow each other."""
    lines = [Line(number, b"", Document(id=str(number))) for number in range(first, first + count)]
    return Batch(lines, (), first + count - 1)


def asked(store: Store) -> Callable[[Callable[[Reader], Answers]], Answers]:
    """Return what asks a store."""
    return lambda ask: ask(store)


def test_answers_are_found_whatever_a_batch_was_halved_into(store: Store) -> None:
    """Records of the whole batch and of any of its pieces are the answers of their rows; others are not."""
    store.put([record("r", 10, 5, number) for number in range(5)])
    store.put([record("r", 20, 3, number) for number in range(3)] + [record("r", 23, 1, 0)])
    store.put([record("other", 30, 4, number) for number in range(4)])
    batches = [batch(10, 5), batch(20, 7), batch(30, 4)]
    assert (3, 1) in list(pieces(0, 7))
    answers, settled = look_up("r", batches, asked(store), lambda: Calls(5, 0))
    assert settled
    assert sorted(answers) == [10, 11, 12, 13, 14, 20, 21, 22, 23]
    result, calculation = answers[21].result, answers[21].calculation
    assert result
    assert calculation
    assert (result.document_id, result.model.version) == ("21", "7")
    assert [(tag.tag, tag.title, tag.group, tag.probability, tag.selected) for tag in result.tags] == [
        ("praise", "Praise", "topic", 0.75, True),
        ("complaint", "", "", 0.25, False),
    ]
    assert calculation.tags[0].margin == 1.5


def test_calls_on_their_way_are_waited_for_and_later_ones_are_not(store: Store) -> None:
    """What the sidecar saw before is waited for, however much others send meanwhile."""
    account = iter([Calls(100, 40), Calls(120, 40), Calls(150, 55), Calls(200, 90)])
    left: list[int] = []

    def calls() -> Calls:
        now = next(account)
        if now.done >= 100:
            store.put([record("r", 1, 2, number) for number in range(2)])
        return now

    answers, settled = look_up("r", [batch(1, 2)], asked(store), calls, left.append)
    assert (sorted(answers), settled, left) == ([1, 2], True, [20, 5])


def test_a_store_that_gets_nothing_is_not_waited_for_longer_than_patience(store: Store) -> None:
    """Where calls stay on their way, it is said that more may be known later."""
    answers, settled = look_up("r", [batch(1, 2)], asked(store), lambda: Calls(9, 3), patience=0.5)
    assert (answers, settled) == ({}, False)


def test_a_batch_is_divided_into_what_is_answered_and_what_is_not(store: Store) -> None:
    """Rows keep their order, bad ones among them, and only what is missing is sent."""
    lines = batch(1, 6).lines
    whole = Batch([lines[0], lines[1], lines[3], lines[5]], [Bad(3, b"", "", "x"), Bad(5, b"", "", "y")], 6, 77)
    store.put([record("r", 1, 4, number) for number in (0, 1, 3)])
    answers, _ = look_up("r", [whole], asked(store), lambda: Calls(0, 0))
    parts = list(divide(whole, answers))
    assert [[line.number for line in part.lines] for part in parts] == [[1, 2], [4], [6]]
    assert [[bad.number for bad in part.bad] for part in parts] == [[3], [5], []]
    assert [part.known is not None for part in parts] == [True, False, True]
    assert [(part.last, part.read) for part in parts] == [(3, 77), (5, 77), (6, 77)]
