"""`scorelens migrate` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scorelens_client.commands.migrate import command
from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_store.embedded import open_reader
from tests.scorelens_client.migrating.places import everything, fill
from tests.scorelens_store.records import make


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A system's folder with thirty records."""
    fill(str(tmp_path / "home" / "store"), [make(number) for number in range(30)])
    return tmp_path / "home"


def run(*arguments: str | Path) -> Result:
    """Run the command and return what it said; a status that is not 0 is the result's return value."""
    return CliRunner().invoke(command, [str(each) for each in arguments], standalone_mode=False, catch_exceptions=False)


def test_it_says_what_it_would_do_and_did(home: Path, tmp_path: Path) -> None:
    """The folder of a system is taken for its store; a dry run makes nothing, and the run says that counts agree."""
    end = tmp_path / "end"
    dry = run("--from", home, "--to", end, "--dry-run")
    assert "to copy: 30 of 30 records" in dry.output
    assert not end.exists()
    done = run("--from", home, "--to", end)
    assert done.return_value == 0
    assert "copied: 30 of 30 records" in done.output
    assert "the counts of both sides agree" in done.output
    assert everything(open_reader(end)) == everything(open_reader(home / "store"))


def test_it_writes_one_json_object_for_pipes(home: Path, tmp_path: Path) -> None:
    """--json has every count, by day as well, and nothing else goes to standard output."""
    said = json.loads(run("--from", home / "store", "--to", tmp_path / "end", "--json").stdout)
    assert (said["copied"], said["found"], said["complete"], said["rejects"]) == (30, 30, True, None)
    assert [day["source"] for day in said["days"]] == [day["target"] for day in said["days"]]
    assert said["from"] == str(home / "store")


@pytest.mark.parametrize("end", ["", "store", "store/../store"])
def test_a_store_is_not_brought_into_itself(home: Path, end: str) -> None:
    """Naming one store twice is refused, whichever way it is named."""
    with pytest.raises(SettingError, match="same store"):
        run("--from", home, "--to", home / end)


def test_a_source_that_is_none_is_told(tmp_path: Path) -> None:
    """A folder without a store is no empty store."""
    with pytest.raises(ScorelensError, match="has no embedded store"):
        run("--from", tmp_path / "nothing", "--to", tmp_path / "end")
    assert not (tmp_path / "end").exists()


@pytest.mark.elasticsearch
def test_rejects_are_in_a_file_for_the_owner(home: Path, tmp_path: Path, elasticsearch_url: str) -> None:
    """What can never be stored is in the file with its reason, and the exit status says so."""
    from tests.scorelens_store.conftest import drop

    fill(str(home / "store"), [make(3, record={"id": "ü" * 300, "type": "document"})])
    rejects = tmp_path / "rejects.jsonl"
    try:
        done = run("--from", home, "--to", f"{elasticsearch_url}#test-rejects-command", "--rejects", rejects)
        again = run("--from", home, "--to", f"{elasticsearch_url}#test-rejects-command", "--rejects", rejects)
    finally:
        drop(elasticsearch_url, "test-rejects-command")
    assert done.return_value == again.return_value == 1
    assert "1 can never be stored" in done.output.replace("\n", " ")
    (line,) = map(json.loads, rejects.read_text().splitlines())
    assert line["record_id"] == "ü" * 300
    assert "512 bytes" in line["reason"]
    assert line["record"]["document"]["id"] == "d-3"
    assert rejects.stat().st_mode & 0o777 == 0o600
