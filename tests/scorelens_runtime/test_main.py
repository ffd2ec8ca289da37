"""The `scorelens` command: help without loading anything, and errors of one line."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from scorelens_runtime.errors import SettingError
from scorelens_runtime.main import COMMANDS, main


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run([sys.executable, "-m", "scorelens_runtime", *arguments], capture_output=True, text=True)


def status_of(*arguments: str) -> int:
    """Run the command in this process; return its exit status."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_help_lists_every_command_and_loads_none() -> None:
    """`scorelens --help` names all commands, and needs no component's libraries."""
    ended = run("--help")
    assert ended.returncode == 0
    assert all(f"  {name} " in ended.stdout for name in COMMANDS)
    text = (
        "import sys; sys.argv = ['scorelens', '--help']; import atexit; atexit.register(lambda: print(*sys.modules));"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", text + "from scorelens_runtime.main import main; main()"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"grpc", "numpy", "tantivy", "scorelens_sidecar", "scorelens_store"} & set(loaded)


def test_the_version_is_told() -> None:
    """`scorelens --version` works."""
    assert "0." in run("--version").stdout


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Its name is in the error, and the status is that of wrong usage."""
    assert status_of("scoer") == 2
    assert "scoer" in capsys.readouterr().err


def test_an_unknown_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The flag is in the error."""
    assert status_of("sidecar", "--no-such-flag") == 2
    assert "--no-such-flag" in capsys.readouterr().err


def test_missing_libraries_name_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A component whose libraries are missing says how to install them, in one line."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")

    monkeypatch.setattr(importlib, "import_module", missing)
    assert status_of("scorer") == 1
    error = capsys.readouterr().err
    assert error.splitlines() == [
        "scorelens: scorelens scorer needs numpy, which is not installed: pip install 'scorelens[scorer]'"
    ]


def test_an_error_for_people_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A setting that is wrong ends with status 2 and its text."""
    import click

    class Wrong:
        @staticmethod
        @click.command()
        def command() -> None:
            raise SettingError("setting --x: is wrong")

    monkeypatch.setattr(importlib, "import_module", lambda name: Wrong)
    assert status_of("sidecar") == 2
    assert capsys.readouterr().err == "scorelens: setting --x: is wrong\n"


def test_streams_that_are_closed_are_no_error(tmp_path: Path) -> None:
    """A service manager or a shell may start the command without standard input, output or error."""
    status = f"{sys.executable} -m scorelens_runtime status --json --home {tmp_path}"
    closed = subprocess.run(["/bin/sh", "-c", f"{status} <&- >&-"], capture_output=True, text=True)
    assert (closed.returncode, closed.stderr) == (1, "")
    assert subprocess.run(["/bin/sh", "-c", f"{status} >&- 2>&-"]).returncode == 1
