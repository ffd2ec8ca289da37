"""An export that was killed is finished by the next one, without gaps and twins."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from scorelens_store.open import open_reader, open_store
from scorelens_store.tables import read_records
from tests.scorelens_client.export.exporting import START, asked, assert_whole, export, scored
from tests.scorelens_client.system import command, environment, spawn

pytestmark = pytest.mark.heavy

RECORDS = [scored(number, 5) for number in range(150)]
KILLS = int(os.environ.get("SCORELENS_TEST_KILLS", "3"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a store with records of two days."""
    folder = tmp_path_factory.mktemp("killed") / "store"
    writer = open_store(folder)
    writer.put(RECORDS)
    writer.close()
    return str(folder)


def test_killed_at_any_step(store: str, tmp_path: Path) -> None:
    """Whatever step an export is killed at, after the next run everything is there exactly once.

    The export that is killed writes a part anew that was there before, and adds others.
    """
    base, folder = tmp_path / "base", tmp_path / "killed"
    export(open_reader(store), base, until=START + timedelta(minutes=70))
    done = subprocess.run(
        [sys.executable, "-m", "tests.scorelens_client.export.killed", store, str(base), str(folder)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(folder.iterdir())) > 12
    for out in folder.iterdir():
        assert_whole(out, RECORDS)
        assert not (out / "_scorelens" / "writing").exists()
        assert not (out / "_scorelens" / "journal.json").exists()
    assert list(read_records(folder / "3")) == RECORDS


def test_killed_at_any_moment(store: str, tmp_path: Path) -> None:
    """Killed at random moments, a folder never shows a record twice or a document without its scores."""
    chance = random.Random(3)
    out = tmp_path / "out"
    for _ in range(KILLS):
        exporting = spawn(tmp_path / "home", "export", str(out), "--store", store)
        time.sleep(chance.uniform(0.3, 1.5))  # any moment will do
        exporting.send_signal(signal.SIGKILL)
        exporting.communicate()
        if list(out.glob("documents/*/*.parquet")):
            assert asked(out, "SELECT count(*) = count(DISTINCT record_id) FROM {documents}") == [(True,)]
            lonely = "SELECT count(*) FROM {documents} WHERE record_id NOT IN (SELECT record_id FROM {scores})"
            assert asked(out, lonely) == [(0,)]
    ended = spawn(tmp_path / "home", "export", str(out), "--store", store)
    _, said = ended.communicate(timeout=120)
    assert ended.returncode == 0, said
    assert_whole(out, RECORDS)


def test_interrupted(store: str, tmp_path: Path) -> None:
    """Ctrl-C ends an export with the status of an interrupt, and what is in the folder is whole."""
    out = tmp_path / "out"
    exporting = spawn(tmp_path / "home", "export", str(out), "--store", store)
    while not (out / "_scorelens" / "lock").exists() and exporting.poll() is None:
        time.sleep(0.001)
    exporting.send_signal(signal.SIGINT)
    _, said = exporting.communicate(timeout=120)
    assert exporting.returncode in (0, 130), said  # it may have been faster
    assert "Traceback" not in said
    assert spawn(tmp_path / "home", "export", str(out), "--store", store).communicate(timeout=120)
    assert_whole(out, RECORDS)


def test_no_room(store: str, tmp_path: Path) -> None:
    """Where the disk is full, one sentence says so, nothing half is visible, and the next run goes on."""
    out = tmp_path / "out"
    arguments = command("export", str(out), "--store", store)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))

    def full() -> subprocess.CompletedProcess[str]:
        home = environment(tmp_path / "home")
        return subprocess.run(arguments, capture_output=True, text=True, env=home, preexec_fn=limit, check=False)

    done = full()
    assert done.returncode == 1
    assert "no room to write" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(out.rglob("*.parquet"))
    ended = spawn(tmp_path / "home", "export", str(out), "--store", store)
    ended.communicate(timeout=120)
    assert_whole(out, RECORDS)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(store: str, tmp_path: Path) -> None:
    """A folder without the right to write is refused in one sentence."""
    (tmp_path / "out").mkdir(mode=0o500)
    refused = spawn(tmp_path / "home", "export", str(tmp_path / "out"), "--store", store)
    _, said = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert str(tmp_path / "out") in said
