"""The folder of a system."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scorelens_client.home import Home, HomeInUseError, System
from scorelens_client.system import processes
from scorelens_runtime.errors import ScorelensError, UnavailableError

SYSTEM = System(1, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "/store", "2026-11-22T10:00:00Z")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a folder that was made."""
    made = Home(tmp_path / "home")
    made.make()
    return made


def test_a_running_system_is_found_and_a_stopped_one_is_not(home: Home) -> None:
    """Other commands find a system as long as its folder is held, whatever a killed one left behind."""
    with home.hold():
        home.publish(SYSTEM)
        assert home.running() == SYSTEM
    assert home.running() is None
    assert home.last_store() == "/store"


def test_no_password_of_a_store_is_kept_or_in_a_command_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other commands get a URL without credentials, or the environment's; ps shows none of processes."""
    url = "https://me:hush@search.example:9200#bank"
    with home.hold() as lock:
        home.publish(replace(SYSTEM, store=url))
        assert not any(b"hush" in path.read_bytes() for path in home.path.rglob("*") if path.is_file())
        assert home.last_store() == "https://search.example:9200#bank"
        monkeypatch.setenv("SCORELENS_ELASTICSEARCH_URL", "https://me:hush@search.example:9200")
        running = home.running()
        assert running is not None
        assert running.store == home.last_store() == url
        monkeypatch.setenv("SCORELENS_ELASTICSEARCH_URL", "https://me:hush@elsewhere.example:9200")
        assert home.last_store() == "https://search.example:9200#bank"
        parts = dict.fromkeys(("sidecar", "scorer", "indexer"), "127.0.0.1:1")
        for child in processes(home, parts, url, lock):
            assert not any("hush" in word for word in child.command)
            assert child.environment["SCORELENS_INDEXER_STORE"] == url


def test_nothing_that_runs_is_said_with_what_to_do(home: Home) -> None:
    """A command that needs a system says how to start one."""
    with pytest.raises(UnavailableError, match="scorelens up"):
        home.require_running()


def test_a_folder_is_held_once(home: Home) -> None:
    """A second system is refused with the folder and the process that holds it."""
    with home.hold(), pytest.raises(HomeInUseError, match=str(home.path)), home.hold():
        pass


def test_a_new_system_waits_for_the_processes_of_a_killed_one(home: Home) -> None:
    """Processes that outlive a killed supervisor keep the folder until they have ended."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    with home.hold() as lock:
        orphan = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[lock]
        )
    (home.run / "lock").write_bytes(ended.stdout.strip())
    assert home.holder() is not None
    with pytest.raises(HomeInUseError), home.hold(patience=0.2):
        pass
    assert orphan.stdin
    orphan.stdin.close()
    orphan.wait(10)
    started = time.monotonic()
    with home.hold():
        assert time.monotonic() - started < 20


def test_a_look_does_not_keep_a_system_from_starting(home: Home) -> None:
    """Looking for a system takes nothing from it."""
    with home.hold():
        pass
    assert home.holder() is None
    with home.hold():
        assert home.holder() is not None


def test_the_folder_is_for_its_owner_only(home: Home) -> None:
    """Documents are nobody else's business."""
    assert home.path.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A wrong SCORELENS_HOME is one line that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ScorelensError, match="SCORELENS_HOME"):
        Home(tmp_path / "file" / "home").make()
