"""`scorelens score FILE` at volume: killed, interrupted, resumed, with results in files and memory that stays flat."""

from __future__ import annotations

import csv
import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from scorelens_client.home import Home
from scorelens_client.home import System as Addresses
from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.spool.reader import SpoolReader
from scorelens_store.contract import Selection
from scorelens_store.open import open_reader
from scorelens_store.query.parse import parse
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import System
from tests.scorelens_client.system import Ran, run, spawn

pytestmark = pytest.mark.heavy

COUNT = 5000


class Place:
    """A home in which a system is known to run, as after `scorelens up`, with a scorer that starts at once."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.system = System(self.home)
        self._held = ExitStack()

    def start(self) -> Place:
        """Start the parts and tell commands where they are."""
        self.system.start()
        parts = (self.system.sidecar.address, self.system.scorer.address, self.system.indexer.address)
        home = Home(self.home)
        home.make()
        self._held.enter_context(home.hold())
        home.publish(Addresses(os.getpid(), *parts, self.system.store, datetime.now(UTC).isoformat()))
        return self

    def stop(self) -> None:
        """End it."""
        self._held.close()
        self.system.__exit__()

    def score(self, *arguments: str, given: str = "") -> Ran:
        """Score to the end."""
        return run(self.home, "score", *arguments, given=given)

    def run(self, *arguments: str) -> Ran:
        """Run another command."""
        return run(self.home, *arguments)

    def interrupted(self, number: signal.Signals, *arguments: str, after: int = 500) -> tuple[int, str]:
        """Score until some documents are noted as answered, then send a signal; return status and what was said."""
        scoring = spawn(self.home, "score", *arguments)
        wait_until(lambda: self.noted() >= after or scoring.poll() is not None, "some documents are noted")
        assert scoring.poll() is None, scoring.communicate()
        scoring.send_signal(number)
        _, said = scoring.communicate(timeout=60)
        return scoring.returncode, said

    def noted(self) -> int:
        """Return how many documents the journal of a run has as answered."""
        for journal in (self.home / "score").glob("*.progress"):
            lines = journal.read_bytes().split(b"\n")[:-1]
            if len(lines) > 1:
                return int(json.loads(lines[-1])["scored"])
        return 0

    def records(self, query: str) -> list[str]:
        """Return the ids of all documents in the store that a query finds, in order."""
        self.system.settle()
        with closing(open_reader(self.system.store)) as reader:
            return sorted(record["document"]["id"] for record in reader.scan(Selection(parse(query), purposes=())))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One system for the tests of this file."""
    made = Place(tmp_path_factory.mktemp("bulk"))
    try:
        yield made.start()
    finally:
        made.stop()


def documents(kind: str, count: int = COUNT) -> list[dict[str, Any]]:
    """Return documents whose ids sort as they stand."""
    return [{"id": f"{kind}-{number:06}", "kind": kind, "text": f"good {number}"} for number in range(count)]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ids(rows: list[dict[str, Any]]) -> list[str]:
    """Return the ids of documents."""
    return [row["id"] for row in rows]


def test_a_run_that_was_killed_goes_on_and_scores_nothing_twice(place: Place, tmp_path: Path) -> None:
    """After kill -9 in the midst of calls, the store has each document once and the results have each row once."""
    rows = documents("killed")
    path, output = write(tmp_path / "x.jsonl", rows), tmp_path / "results.jsonl"
    arguments = (str(path), "--output", str(output), "--batch", "40", "--parallel", "8")
    for after in (500, 2000):
        status, _ = place.interrupted(signal.SIGKILL, *arguments, after=after)
        assert status == -signal.SIGKILL
    assert not output.exists()
    done = place.score(*arguments)
    assert done.status == 0, done.err
    assert "continuing after" in done.err
    assert f"scored {COUNT:,} documents, " in done.err
    assert place.records("kind:killed") == ids(rows)
    results = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row["line"], row["document_id"]) for row in results] == list(enumerate(ids(rows), 1))
    assert all({tag["tag"] for tag in row["tags"]} == {"praise", "complaint"} for row in results)
    assert not list((place.home / "score").iterdir())


def test_ctrl_c_lets_calls_in_flight_end(place: Place, tmp_path: Path) -> None:
    """After Ctrl-C nothing is in doubt: what was answered is noted, and the same command scores the rest."""
    rows = documents("stopped")
    path = write(tmp_path / "x.jsonl", rows)
    status, said = place.interrupted(signal.SIGINT, str(path), "--batch", "40")
    assert status == 130
    assert "goes on from there" in said
    noted = place.noted()
    assert place.records("kind:stopped") == ids(rows)[:noted]
    done = place.score(str(path))
    assert f"continuing after {noted:,} documents" in done.err
    assert "sent last" not in done.err
    assert place.records("kind:stopped") == ids(rows)


def test_a_second_ctrl_c_leaves_the_calls_in_flight(place: Place, tmp_path: Path) -> None:
    """Twice Ctrl-C ends at once; what was under way is looked up by the next run."""
    rows = documents("left")
    path = write(tmp_path / "x.jsonl", rows)
    held = place.system.scorer.process
    assert held
    scoring = spawn(place.home, "score", str(path), "--batch", "40")
    wait_until(lambda: place.noted() > 0, "some documents are noted")
    held.send_signal(signal.SIGSTOP)  # calls are in flight and stay there
    try:
        assert scoring.stderr
        scoring.send_signal(signal.SIGINT)
        while "again leaves them" not in scoring.stderr.readline():
            assert scoring.poll() is None
        scoring.send_signal(signal.SIGINT)
        scoring.communicate(timeout=20)
        assert scoring.returncode == 130
    finally:
        held.send_signal(signal.SIGCONT)
    assert place.score(str(path)).status == 0
    assert place.records("kind:left") == ids(rows)


def test_a_run_goes_on_after_its_scorer_was_away(place: Place, tmp_path: Path) -> None:
    """A system that stays away ends the run with what to do, and nothing that was scored is scored again."""
    rows = documents("away")
    path = write(tmp_path / "x.jsonl", rows)
    scoring = spawn(place.home, "score", str(path), "--batch", "40", "--patience", "0.5")
    wait_until(lambda: place.noted() >= 500, "some documents are noted")
    place.system.sidecar.stop()
    _, said = scoring.communicate(timeout=60)
    assert scoring.returncode == 1
    assert "does not answer" in said
    assert "goes on from there" in said
    place.system.sidecar.start()
    assert place.score(str(path)).status == 0
    assert place.records("kind:away") == ids(rows)


def test_a_file_that_changed_is_not_gone_on_with(place: Place, tmp_path: Path) -> None:
    """Rows that moved would be scored twice or never, so it is refused, unless it begins anew."""
    path = write(tmp_path / "x.jsonl", documents("changed"))
    place.interrupted(signal.SIGINT, str(path), "--batch", "40", "--purpose", "test")
    write(path, documents("changed", 50))
    refused = place.score(str(path), "--purpose", "test")
    assert refused.status == 1
    assert "changed since" in refused.err
    assert "--restart" in refused.err
    again = place.score(str(path), "--purpose", "test", "--restart")
    assert again.status == 0
    assert "scored 50 documents in" in again.err


def test_where_no_store_can_be_asked_it_is_said(place: Place, tmp_path: Path) -> None:
    """With only a target, a killed run says how many documents may be scored twice, and scores them."""
    rows = documents("alone")
    path = write(tmp_path / "x.jsonl", rows)
    arguments = (str(path), "--target", place.system.scorer.address, "--batch", "40", "--purpose", "test")
    place.interrupted(signal.SIGKILL, *arguments)
    done = place.score(*arguments)
    assert done.status == 0, done.err
    assert "may be scored twice" in done.err or "sent last" not in done.err
    assert f"scored {COUNT:,} documents" in done.err


def test_bad_rows_are_put_aside_over_an_interruption(place: Place, tmp_path: Path) -> None:
    """Rejects and results of a run that was killed have each row once."""
    kind = "mixed"
    path, output, rejects = tmp_path / "x.csv", tmp_path / "results.parquet", tmp_path / "x.csv.rejects.jsonl"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "kind", "body", "audience"])
        for number in range(4000):
            bad = {3: "many", 5: "1.5"}.get(number % 1000, "7")
            writer.writerow([f"{kind}-{number:06}", kind, "good\nbad, good", bad] + ["x"] * (number % 1000 == 9))
    arguments = (str(path), "--column", "text=body", "--output", str(output), "--batch", "20", "--purpose", "test")
    place.interrupted(signal.SIGKILL, *arguments, after=1500)
    done = place.score(*arguments)
    assert done.status == 1
    assert "12 lines were not scored" in done.err
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [one["line"] for one in told] == [2 + 2 * (1000 * k + at) for k in range(4) for at in (3, 5, 9)]
    assert [one["field"] for one in told[:3]] == ["audience", "audience", ""]
    good = [f"{kind}-{number:06}" for number in range(4000) if number % 1000 not in (3, 5, 9)]
    assert [row["document_id"] for row in pq.read_table(output).to_pylist()] == good
    assert place.records(f"kind:{kind}") == good
    for private in (output, rejects):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([path.name, output.name, rejects.name])


def test_what_a_run_leaves_is_of_that_run(place: Place, tmp_path: Path) -> None:
    """A text under another name is pointed at, and rejects of a file that was mended since are there no more."""
    path, rejects = tmp_path / "x.csv", tmp_path / "x.csv.rejects.jsonl"
    path.write_text("url,body\na,good\nb,good,c\n")
    done = place.score(str(path), "--purpose", "test")
    assert (done.status, rejects.exists()) == (1, True)
    assert "--column text=body" in done.err
    assert "names 2 columns" in done.err
    path.write_text("url,body\na,good\nb,good\n")
    done = place.score(str(path), "--purpose", "test", "--column", "text=body")
    assert (done.status, rejects.exists()) == (0, False)
    assert "--column" not in done.err
    path.write_text("text\na,b\n")
    done = place.score(str(path), "--purpose", "test", "--rejects", "/dev/null")
    assert "line 2: 2 cells, but the header names 1 column\n" in done.err
    assert done.status == 1


def test_a_receiver_that_was_there_before_is_not_waited_for(place: Place, tmp_path: Path) -> None:
    """Where the indexer had another address before, what was spooled for that one tells nothing of the store."""
    path = write(tmp_path / "x.jsonl", documents("moved", 3))
    assert place.score(str(path), "--purpose", "test").status == 0
    place.system.settle()
    folder = place.home / "sidecar"
    before = SpoolReader(relay_folder(folder), "http://127.0.0.1:1")
    before.acknowledge(before.read(1, 10**6)[-1].position)
    before.close()
    done = place.score(str(path), "--purpose", "test")
    assert "all of it can be searched now" in done.err
    said = place.run("status").out
    assert "nothing is sent there any more" in " ".join(said.split())


def test_parquet_is_scored_with_its_events(place: Place, tmp_path: Path) -> None:
    """A warehouse's table with nested events and times arrives in the store as it was."""
    path = tmp_path / "x.parquet"
    events = [[{"type": "salary", "time": datetime(2026, 11, 1, tzinfo=UTC), "amount": 2100.0}], []]
    table = {"key": [1, 2], "kind": ["nested"] * 2, "history": events, "score": [0.5, None]}
    pq.write_table(pa.table(table), path)
    done = place.score(str(path), "--column", "id=key", "--column", "events=history", "--json", "--full")
    assert done.status == 0, done.err
    assert [row["calculation"][0]["tag"] for row in done.lines] == ["praise", "praise"]
    place.system.settle()
    first, second = sorted(place.system.search("kind:nested"), key=lambda record: record["document"]["id"])
    assert (first["document"]["id"], second["document"]["id"]) == ("1", "2")
    assert first["activity"]["time"] == ["2026-11-01T00:00:00Z"]
    assert first["document"]["attributes"] == {"score": "0.5"}
    assert "activity" not in second


def test_memory_stays_flat(place: Place, tmp_path: Path) -> None:
    """Ten times as many rows take no more memory, within what a few batches in flight need."""
    most = []
    for count in (10_000, 100_000):
        path = tmp_path / f"{count}.csv"
        with path.open("w") as file:
            file.write("id,text\n")
            file.writelines(f"flat-{number},good and bad number {number}\n" for number in range(count))
        output = str(tmp_path / f"{count}.jsonl")
        # Straight to the scorer: this is about the client, and the sidecar's spool need not grow for it.
        scoring = spawn(place.home, "score", str(path), "--target", place.system.scorer.address, "--output", output)
        most.append(_most_memory(scoring))
        assert scoring.returncode == 0
        with Path(output).open() as file:
            assert sum(1 for _ in file) == count
    assert most[1] < most[0] + 40 * 2**20


def _most_memory(process: subprocess.Popen[str]) -> int:
    watched, most = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            most = max(most, watched.memory_info().rss)
            process.wait(0.05)
        except (psutil.NoSuchProcess, subprocess.TimeoutExpired):
            continue
    process.communicate()
    return most
