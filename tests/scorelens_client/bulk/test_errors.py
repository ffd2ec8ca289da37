"""What cannot be scored is said before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from scorelens_client.commands.score import command
from scorelens_runtime.errors import ScorelensError

NOBODY = ("--target", "127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("FOLDER", *NOBODY), "is a folder"),
        (("FOLDER/none.csv", *NOBODY), "none.csv: No such file"),
        (("FOLDER/empty.jsonl", *NOBODY), "holds no documents"),
        (("FOLDER/broken.parquet", *NOBODY), "cannot be read as Parquet"),
        (("FOLDER/good.csv", *NOBODY, "--column", "text=boddy"), "no column 'boddy'; it has: id, body"),
        (("FOLDER/good.csv", *NOBODY, "--column", "txt=body"), "'txt' is not a field"),
        (("FOLDER/good.csv", *NOBODY, "--output", "FOLDER/x.xls"), ".parquet"),
        (("FOLDER/good.csv", *NOBODY, "--output", "FOLDER/no/x.csv"), "no folder"),
        (("FOLDER/good.csv", *NOBODY, "--output", "FOLDER/folder.csv"), "is a folder"),
        (("FOLDER/good.csv", *NOBODY, "--output", "FOLDER/./good.csv"), "good.csv is the file that is read"),
        (("FOLDER/good.csv", *NOBODY, "--rejects", "FOLDER/good.csv"), "good.csv is the file that is read"),
        (("FOLDER/good.csv", *NOBODY, "--rejects", "FOLDER/none/r.jsonl"), "--rejects FOLDER/none/r.jsonl cannot be"),
        (("FOLDER/good.csv", *NOBODY, "--rejects", "FOLDER/folder.csv"), "name another file"),
        (("FOLDER/good.csv", *NOBODY, "--output", "FOLDER/x.csv", "--rejects", "FOLDER/x.csv"), "name two files"),
        (("FOLDER/good.csv", *NOBODY, "--delimiter", "::"), "--delimiter"),
        (("FOLDER/good.csv", *NOBODY, "--full"), "--full needs"),
        (("FOLDER/good.csv", "--target", "localhost"), "--target: 'localhost' is not HOST:PORT"),
        (("FOLDER/good.csv", *NOBODY, "--patience", "0"), "127.0.0.1:1 does not answer"),
        (("FOLDER/good.csv",), "start one with `scorelens up`"),
    ],
)
def test_what_cannot_work_is_said_and_leaves_nothing(arguments: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    """A wrong file or option has an error that says what to do, and what was not begun is not gone on with."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    (tmp_path / "good.csv").write_text("id,body\n1,good\n")
    home = tmp_path / "home"
    words = [word.replace("FOLDER", str(tmp_path)) for word in arguments] + ["--home", str(home)]
    with pytest.raises((ScorelensError, click.UsageError)) as caught:
        command.main(words, standalone_mode=False)
    assert reason.replace("FOLDER", str(tmp_path)) in str(caught.value)
    if "does not answer" not in reason:
        assert not list(home.glob("score/*"))
    assert not (tmp_path / "x.csv").exists()
    assert (tmp_path / "good.csv").read_text() == "id,body\n1,good\n"


def test_rejects_of_a_folder_that_takes_none_are_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data may lie where nobody may write, as root may everywhere but on such a disk."""
    data, working = tmp_path / "data", tmp_path / "working"
    for folder in (data, working):
        folder.mkdir()
    (data / "x.csv").write_text("id,text\n1,a,b\n")
    monkeypatch.chdir(working)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != data)
    status = command.main([str(data / "x.csv"), *NOBODY, "--home", str(tmp_path / "home")], standalone_mode=False)
    assert status == 1
    assert '"line": 2' in (working / "x.csv.rejects.jsonl").read_text()
    assert not list(data.glob("*.rejects.jsonl"))
