"""What lies in the folder: damage, other versions, names of columns, tombstones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scorelens_store.contract import Histogram, Outcome, Selection, Sort, Statistics, Terms
from scorelens_store.embedded import open_reader, open_writer
from scorelens_store.embedded.schema import NUMBER_FIELDS
from scorelens_store.errors import QueryError, StoreDamagedError, StoreUnavailableError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.records import corpus, make, record_id

EVERYTHING = Selection(Everything(), purposes=(), calls=True)


def filled(folder: Path, size: int = 30) -> None:
    """Write records and close the store."""
    store = open_writer(folder)
    store.put(corpus(size))
    store.close()


def test_an_empty_folder_is_an_empty_store(tmp_path: Path) -> None:
    """A reader of a folder that has nothing, or is not there, finds nothing and does not make it."""
    reader = open_reader(tmp_path / "nowhere")
    assert reader.count(EVERYTHING) == 0
    assert reader.search(EVERYTHING).total == 0
    assert list(reader.scan(EVERYTHING)) == []
    assert reader.aggregate(EVERYTHING, {"a": Terms("kind"), "b": Statistics("audience")}) == {"a": [], "b": {}}
    with pytest.raises(QueryError):
        reader.aggregate(EVERYTHING, {"a": Histogram("kind", 1)})
    assert not (tmp_path / "nowhere").exists()


def test_nobody_else_may_read_the_folder(tmp_path: Path) -> None:
    """The folder is its owner's alone, also where its parents had to be made."""
    filled(tmp_path / "new" / "store")
    for folder in (tmp_path / "new" / "store", tmp_path / "new" / "store" / "index"):
        assert folder.stat().st_mode & 0o077 == 0


def test_records_survive_a_restart(tmp_path: Path) -> None:
    """A store that was closed and opened again has everything, and still knows its duplicates."""
    filled(tmp_path)
    store = open_writer(tmp_path)
    assert store.count(EVERYTHING) == 30
    assert {result.outcome for result in store.put(corpus(30))} == {Outcome.DUPLICATE}
    assert store.search(EVERYTHING, sort=Sort("score.complaint")).total == 30
    store.close()


def test_forgotten_ids_survive_a_restart_unreadably(tmp_path: Path) -> None:
    """Tombstones hold after a restart, and nobody can read an id from the folder."""
    store = open_writer(tmp_path)
    store.put([make(1, customer={"id": "customer-4711"})])
    store.forget(customer_ids=["customer-4711"])
    store.close()
    store = open_writer(tmp_path)
    assert store.put([make(2, customer={"id": "customer-4711"})])[0].outcome is Outcome.FORGOTTEN
    store.close()
    assert b"customer-4711" not in (tmp_path / "tombstones").read_bytes()


def test_a_torn_tombstone_is_not_read(tmp_path: Path) -> None:
    """A hash that a crash cut off is left out, and the next one goes where it stood."""
    store = open_writer(tmp_path)
    store.forget(document_ids=["a", "b"])
    store.close()
    with (tmp_path / "tombstones").open("ab") as file:
        file.write(b"torn")
    store = open_writer(tmp_path)
    store.forget(document_ids=["c"])
    store.close()
    store = open_writer(tmp_path)
    records = [make(number, document={"id": name, "text": ""}) for number, name in enumerate("abcd")]
    assert [result.outcome for result in store.put(records)] == [Outcome.FORGOTTEN] * 3 + [Outcome.STORED]
    store.close()


@pytest.mark.parametrize("victim", ["meta.json", "store", "term", "fast", "idx"])
def test_a_damaged_index_is_named(tmp_path: Path, victim: str) -> None:
    """A file of the index that is cut off gives an error that names the folder and says what to do."""
    filled(tmp_path)
    for file in (tmp_path / "index").iterdir():
        if file.name == victim or file.suffix == f".{victim}":
            os.truncate(file, file.stat().st_size // 2)
    reader = open_reader(tmp_path)
    with pytest.raises(StoreDamagedError, match="restore") as caught:
        list(reader.scan(EVERYTHING))
    assert str(tmp_path) in str(caught.value)


def test_a_damaged_list_of_columns_is_named(tmp_path: Path) -> None:
    """A list of columns that cannot be read is an error, for readers and for the writer."""
    filled(tmp_path)
    (tmp_path / "numbers.json").write_text('["score.compl')
    for opened in (open_reader, open_writer):
        with pytest.raises(StoreDamagedError, match=r"numbers\.json"):
            opened(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    """A folder of another version is neither read nor written."""
    filled(tmp_path)
    (tmp_path / "format").write_text("99")
    for opened in (open_reader, open_writer):
        with pytest.raises(StoreDamagedError, match="format '99'"):
            opened(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A place where no folder can be is an error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailableError, match="file"):
        open_writer(tmp_path / "file" / "store")


def test_columns_are_shared_out_and_counted(tmp_path: Path) -> None:
    """The pool of columns is used up to its end; names beyond it are counted and stay in the record."""
    store = open_writer(tmp_path)
    scores = {f"t{number}": number / 10_000 for number in range(NUMBER_FIELDS + 7)}
    (result,) = store.put([make(1, score=scores)])
    assert (result.outcome, result.unmapped_fields) == (Outcome.STORED, 7)
    assert store.count(Selection(parse(f"score.t{NUMBER_FIELDS - 1}:*"))) == 1
    assert store.count(Selection(parse(f"score.t{NUMBER_FIELDS}:*"))) == 0
    found = store.get(record_id(1))
    assert found is not None
    assert found["score"] == scores
    store.close()


def test_the_folder_is_private(tmp_path: Path) -> None:
    """What the store makes cannot be listed by other users."""
    filled(tmp_path / "store")
    assert (tmp_path / "store" / "index").stat().st_mode & 0o077 == 0


def test_terms_of_more_values_than_buckets_are_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties that go beyond what one request can count are resolved by value."""
    monkeypatch.setattr("scorelens_store.embedded.aggregate.MAX_BUCKETS", 8)
    store = open_writer(tmp_path)
    store.put([make(number, document={"id": f"d-{number % 40:03}", "text": ""}) for number in range(45)])
    (found,) = store.aggregate(EVERYTHING, {"ids": Terms("id", 12)}).values()
    assert [(bucket.key, bucket.count) for bucket in found] == [  # type: ignore[union-attr]
        *((f"d-{number:03}", 2) for number in range(5)),
        *((f"d-{number:03}", 1) for number in range(5, 12)),
    ]
    store.close()
