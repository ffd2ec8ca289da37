"""A damaged embedded store is told, by whatever damage, and is made anew from an export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorelens_indexer.account import Account, Counts
from scorelens_indexer.commands.rebuild import DAMAGED, command
from scorelens_indexer.server import lock_folder
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Outcome, Record, Selection, Sort, Statistics, Terms
from scorelens_store.embedded import open_reader, open_writer
from scorelens_store.embedded.check import check, quick_check
from scorelens_store.errors import StoreDamagedError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from scorelens_store.tables import read_records
from tests.scorelens_client.export.exporting import export
from tests.scorelens_store.records import corpus, record_id

EVERYTHING = Selection(Everything(), purposes=(), calls=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store of several segments and an export of it; tests copy it."""
    folder = tmp_path_factory.mktemp("whole")
    store = open_writer(folder / "store")
    records = corpus(120)
    for start in range(0, 120, 40):
        store.put(records[start : start + 40])
    store.forget(record_ids=[record_id(7)])
    store.annotate(record_id(11), {"verdict": "right"})
    export(store, folder / "export", purposes=(), calls=True)
    store.close()
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder."""
    shutil.copytree(whole, tmp_path / "home")
    return tmp_path / "home"


def read_everything(store: Path) -> list[Any]:
    """Read in every way there is."""
    reader = open_reader(store)
    try:
        return [
            {record["record"]["id"]: record for record in reader.scan(EVERYTHING)},
            reader.count(EVERYTHING),
            # Weights go by how frequent a word is, among the removed records of a segment as well.
            sorted(hit.record["record"]["id"] for hit in reader.search(Selection(parse("refund")), limit=200).hits),
            [hit.sort for hit in reader.search(EVERYTHING, sort=Sort("score.complaint")).hits],
            reader.aggregate(EVERYTHING, {"tags": Terms("tags"), "scores": Statistics("score.praise")}),
            reader.count(Selection(parse("score.complaint:>0.5 AND because:*"))),
        ]
    finally:
        reader.close()


def rebuild(folder: Path, *words: str) -> Result:
    """Run the command; what people would see as an error is raised."""
    places = ["--store", str(folder / "store"), "--folder", str(folder / "indexer")]
    return CliRunner().invoke(command, [*words, *places], catch_exceptions=not words)


def flipped(place: float) -> Callable[[Path], None]:
    """Return what flips one bit at a place between beginning and end."""

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[min(len(content) - 1, int(place * len(content)))] ^= 0x10
        path.write_bytes(content)

    return flip


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "byte in the middle": flipped(0.5),
    "last byte": flipped(1),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "nothing left": lambda path: os.truncate(path, 0),
    "missing": Path.unlink,
}


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        *product(("meta.json", "*.store", "*.term", "*.fast"), DAMAGES),
        *product(("*.idx", "*.pos", "*.fieldnorm", "*.del"), ("byte in the middle",)),
    ],
)
def test_damage_is_told_and_mended(folder: Path, whole: Path, kind: str, damage: str) -> None:
    """Whatever is damaged, reading fails for people only, a check finds it, and a rebuild makes it good."""
    before = read_everything(whole / "store")
    victim = max((folder / "store" / "index").glob(kind), key=lambda path: path.stat().st_size)
    DAMAGES[damage](victim)
    for read in (read_everything, lambda store: open_writer(store).close()):
        with suppress(StoreDamagedError):  # nothing else, whatever the damage looks like
            read(folder / "store")
    checked = rebuild(folder, "--check")
    assert checked.exit_code == DAMAGED
    assert "damaged: " in checked.output
    result = rebuild(folder, "--from-export", str(folder / "export"))
    assert result.exit_code == 0, result.output
    assert "moved aside" in result.output
    assert read_everything(folder / "store") == before
    assert rebuild(folder, "--check").exit_code == 0
    (aside,) = (folder / "store").glob("damaged-*")
    assert (aside / "index").exists()
    store = open_writer(folder / "store")
    (forgotten,) = store.put([corpus(8)[7]])
    assert forgotten.outcome is Outcome.FORGOTTEN
    store.close()


@pytest.mark.parametrize("name", ["numbers.json", "tombstones"])
@pytest.mark.parametrize("damage", ["half", "missing", "nothing left"])
def test_files_beside_the_index_count_as_well(folder: Path, whole: Path, name: str, damage: str) -> None:
    """A list of columns or tombstones that is damaged or gone is not taken for an empty one by the writer."""
    before = read_everything(whole / "store")
    DAMAGES[damage](folder / "store" / name)
    if not (name == "tombstones" and damage == "half"):  # any number of whole hashes may be right
        with pytest.raises(StoreDamagedError, match=r"numbers\.json|tombstones|cut off"):
            open_writer(folder / "store")
        result = rebuild(folder, "--from-export", str(folder / "export"))
        assert result.exit_code == 0, result.output
    assert read_everything(folder / "store") == before


def test_a_whole_store_stays_as_it_is(folder: Path) -> None:
    """A rebuild of a store that is whole adds what an export has more, and moves nothing."""
    result = rebuild(folder, "--from-export", str(folder / "export"))
    assert result.exit_code == 0
    assert "119 were there already" in result.output
    assert not list((folder / "store").glob("damaged-*"))
    assert quick_check(folder / "store") == check(folder / "store") == []


def test_an_interrupted_rebuild_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was filled before the end of the process is not filled again."""
    (folder / "store" / "index" / "meta.json").write_text("{")

    def broken(export: Path) -> Iterator[Record]:
        for number, record in enumerate(read_records(export)):
            if number == 50:
                raise KeyboardInterrupt
            yield record

    monkeypatch.setattr("scorelens_store.embedded.rebuild._AT_ONCE", 10)
    with monkeypatch.context() as patch:
        patch.setattr("scorelens_store.tables.read_records", broken)
        assert rebuild(folder, "--from-export", str(folder / "export")).exit_code != 0
    result = rebuild(folder, "--from-export", str(folder / "export"))
    assert "stored 69 records; 50 were there already" in result.output
    assert len(list((folder / "store").glob("damaged-*"))) == 1


def test_it_says_what_is_missing(folder: Path) -> None:
    """The account of the indexer tells how many records no export had, and where to look for them."""
    (folder / "indexer").mkdir()
    account = Account(folder / "indexer" / "account")
    account.add(Counts(received=200, stored=200))
    account.close()
    result = rebuild(folder, "--from-export", str(folder / "export"))
    assert "81 are missing" in result.output
    assert "scorelens_sidecar.resend" in result.output


def test_an_empty_index_can_be_begun(folder: Path) -> None:
    """Without an export the damaged index is moved aside, and the next indexer begins a new one."""
    (folder / "store" / "index" / "meta.json").unlink()
    assert rebuild(folder, "--empty").exit_code == 0
    store = open_writer(folder / "store")
    assert store.count(EVERYTHING) == 0
    store.close()


def test_a_running_indexer_keeps_it_out(folder: Path) -> None:
    """While an indexer runs nothing is touched."""
    lock = lock_folder(folder / "indexer")
    with pytest.raises(ScorelensError, match=r"an indexer is running on .*: stop it first"):
        rebuild(folder, "--check")
    os.close(lock)


@pytest.mark.parametrize("words", [["--check", "--empty"], ["--check", "--store", "http://127.0.0.1:1"]])
def test_wrong_words_are_refused(folder: Path, words: list[str]) -> None:
    """Orders that exclude each other, and a server, are errors that say so."""
    with pytest.raises(ScorelensError, match=r"--check|Elasticsearch"):
        CliRunner().invoke(command, [*words, "--folder", str(folder / "indexer")], catch_exceptions=False)
