"""What is left of a record that was forgotten: nothing, in no file."""

from __future__ import annotations

import secrets
from pathlib import Path

from scorelens_store.contract import Outcome, Selection, Store
from scorelens_store.query.tree import Everything
from tests.scorelens_store.files import data_folder, files_with
from tests.scorelens_store.records import make, record_id

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
LONG = "x" * 9000


def test_words_and_ids_leave_the_files(store: Store, tmp_path: Path) -> None:
    """After forgetting and purging, no file of the store holds a word or an id of the record; all others are there."""
    folder = data_folder(store, tmp_path)
    words, customers = [secrets.token_hex(24) for _ in range(60)], [secrets.token_hex(24) for _ in range(60)]
    for start in range(0, 60, 20):
        store.put(
            [
                make(number, document={"id": f"d-{number}", "text": words[number]}, customer={"id": customers[number]})
                for number in range(start, start + 20)
            ]
        )
    assert files_with(folder, words[7])
    assert store.forget(document_ids=["d-7"], customer_ids=[customers[33]]) == 2
    steps = list(store.purge())
    assert steps
    assert all(done <= total for done, total in steps)
    assert steps[-1][0] == steps[-1][1]
    for text in (words[7], words[33], customers[7], customers[33]):
        assert files_with(folder, text) == []
    assert files_with(folder, words[8])
    left = list(store.scan(EVERYTHING))
    assert sorted(record["document"]["text"] for record in left) == sorted(
        word for number, word in enumerate(words) if number not in (7, 33)
    )
    assert list(store.purge()) == []


def test_labels_and_counts_outlive_a_purge(store: Store) -> None:
    """What is written anew is what was there, and what comes again meets its twin."""
    records = [make(number) for number in range(30)]
    store.put(records)
    store.annotate(record_id(3), {"truth": "complaint"})
    store.forget(document_ids=["d-4"])
    for _ in store.purge():
        assert store.put([records[5]])[0].outcome is Outcome.DUPLICATE
        if not store.describe().startswith("embedded"):
            break  # the rest is waiting for the server, half a minute, which the test above does
    assert store.count(EVERYTHING) == 29
    labelled = store.get(record_id(3))
    assert labelled
    assert labelled["labels"] == {"truth": "complaint"}
    assert {result.outcome for result in store.put(records)} == {Outcome.DUPLICATE, Outcome.FORGOTTEN}


def test_purging_an_empty_store_does_nothing(store: Store) -> None:
    """There is nothing to do, and that is no error."""
    assert list(store.purge()) == []


def test_ids_that_no_index_takes_are_forgotten(store: Store) -> None:
    """An id longer than keywords may be is found by looking at the records, and kept out like any other."""
    records = [make(1, document={"id": LONG, "text": "a"}), make(2, customer={"id": LONG}), make(3)]
    store.put(records)
    assert store.forget(document_ids=[LONG]) == 1
    assert store.forget(customer_ids=[LONG]) == 1
    assert [record["record"]["id"] for record in store.scan(EVERYTHING)] == [record_id(3)]
    outcomes = [result.outcome for result in store.put(records)]
    assert outcomes == [Outcome.FORGOTTEN, Outcome.FORGOTTEN, Outcome.DUPLICATE]
