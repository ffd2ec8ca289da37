"""`scorelens forget` as a person types it, where no system runs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from scorelens_client.forgetting.ids import gather
from scorelens_runtime.errors import SettingError
from tests.scorelens_client.system import command, environment, run


def typed(home: Path, answer: bytes, *arguments: str) -> tuple[int, str]:
    """Run the command at a terminal and type an answer; return its status and what it said."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("forget", *arguments),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(home),
    )
    os.close(theirs)
    os.write(ours, answer)
    said, _ = process.communicate(timeout=120)
    os.close(ours)
    return process.returncode, said.decode()


def test_it_asks_first(tmp_path: Path) -> None:
    """Who says no has changed nothing; who says yes has it noted."""
    status, said = typed(tmp_path, b"n\n", "--document", "d-17")
    assert status == 130
    assert "Forget 1 id for good?" in said
    assert not (tmp_path / "audit.jsonl").exists()
    status, said = typed(tmp_path, b"y\n", "--document", "d-17")
    assert status == 0
    assert "nothing was found" in said
    assert run(tmp_path, "forget", "--was", "d-17").status == 0
    assert run(tmp_path, "forget", "--was", "d-18", "--json").lines == [{"id": "d-18", "forgotten": []}]


def test_without_a_terminal_it_wants_to_be_told(tmp_path: Path) -> None:
    """A script says --yes or --dry-run; without either, nothing is done."""
    assert run(tmp_path, "forget", "--document", "d-17").status == 2
    ran = run(tmp_path, "forget", "--document", "d-17", "--dry-run", "--json")
    assert (ran.status, ran.lines[0]["complete"], ran.lines[0]["dry_run"]) == (0, True, True)
    assert not list(tmp_path.iterdir())


def test_an_export_that_is_gone_is_told(tmp_path: Path) -> None:
    """Nobody can tell whether a folder was deleted or is elsewhere, so a person has to."""
    (tmp_path / "exports.json").write_text(json.dumps([str(tmp_path / "gone")]))
    ran = run(tmp_path, "forget", "--document", "d-17", "--yes", "--json")
    assert ran.status == 1
    assert "--export" in next(place["left"] for place in ran.lines[0]["places"] if place["left"])


def test_ids_come_from_lines(tmp_path: Path) -> None:
    """A line is an id as it stands, or a JSON string; each id counts once, and record ids in lower case."""
    path = tmp_path / "ids"
    path.write_bytes('\ufeffd-1\r\n d-2 \n\n"line\\nbreak"\nd-1'.encode())
    found = gather({"document": ["d-9"], "record": ["AB"]}, {"document": [str(path)]})
    assert found == {"document": ("d-9", "d-1", " d-2 ", "line\nbreak"), "customer": (), "record": ("ab",)}


@pytest.mark.parametrize(
    ("named", "lines", "message"),
    [
        ([""], b"", "empty"),
        (["\udcff"], b"", "Unicode"),
        ([], b'"open', "JSON string"),
        ([], b'""', "empty"),
        ([], b"\xff", "UTF-8"),
    ],
)
def test_what_is_no_id_is_refused(tmp_path: Path, named: Sequence[str], lines: bytes, message: str) -> None:
    """The message names the option, and the line where there is one."""
    (tmp_path / "ids").write_bytes(lines)
    with pytest.raises(SettingError, match=f"--customer.*{message}"):
        gather({"customer": named}, {"customer": [str(tmp_path / "ids")]})
