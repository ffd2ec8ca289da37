"""The doctor on a whole system with an embedded store: well at first, then with each fault made for real."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import System
from tests.scorelens_client.doctor.examining import examine, printed, variables_of


def score(system: System, *texts: str) -> None:
    """Score documents through the sidecar."""
    with grpc.insecure_channel(system.sidecar.address) as channel:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        for number, text in enumerate(texts):
            document = scorer_pb2.Document(id=f"d-{number}", text=text)
            stub.Score(scorer_pb2.ScoreRequest(documents=[document]), timeout=20, wait_for_ready=True)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that has stored what it scored; tests leave it as it is."""
    with System(tmp_path_factory.mktemp("well")).start() as running:
        score(running, "good", "bad refund")
        running.settle()
        yield running


def test_a_healthy_system_has_no_failure(system: System, tmp_path: Path) -> None:
    """Every part of the way is well, the status is 0, and what nothing names is said as not checked."""
    found = examine(tmp_path, variables_of(system))
    assert (found.status, found.healthy, found.failed()) == (0, True, [])
    for part in ("sidecar", "scorer", "indexer"):
        for check in ("address", "health", "contract"):
            assert found.marks(part, check) == ["ok"], (part, check)
    assert "words 1" not in found.only("sidecar", "contract")["text"]
    assert set(found.marks("sidecar", "account")) == {"ok"}
    assert "2, the newest" in found.only("store", "records")["text"]
    assert found.only("console", "address")["mark"] == "not checked"
    assert "set SCORELENS_CONSOLE_URL" in found.only("console", "address")["advice"]


def test_looking_leaves_nothing_behind(system: System, tmp_path: Path) -> None:
    """The doctor is not among the records, unless it was asked to make a call, which is a record of purpose test."""
    before = system.account()["seen"]
    examine(tmp_path, variables_of(system))
    assert system.account()["seen"] == before
    found = examine(tmp_path, variables_of(system), "--call")
    assert "call" in {one["check"] for one in found.checks if one["part"] == "sidecar"}
    wait_until(lambda: system.account()["seen"] > before, "the call is recorded")


def test_people_read_one_line_per_check(system: System, tmp_path: Path) -> None:
    """Each line begins with its mark, --quiet leaves out what is well, and a sum ends it."""
    status, said = printed(tmp_path, variables_of(system))
    *lines, blank, summary = said.splitlines()
    assert status == 0
    assert blank == ""
    assert {line[:5].strip() for line in lines} <= {"ok", "-"}
    assert f"{sum(line.startswith('ok') for line in lines)} ok" in summary
    status, said = printed(tmp_path, {**variables_of(system), "SCORELENS_SIDECAR_UPSTREAM": "127.0.0.1:1"}, "--quiet")
    (line, _, summary) = said.splitlines()
    assert status == 1
    assert line.startswith("FAIL scorer   address")
    assert "SCORELENS_SIDECAR_UPSTREAM names 127.0.0.1:1" in line
    assert ", 1 FAIL" in summary


@pytest.mark.parametrize(
    ("variable", "address", "part", "check", "told"),
    [
        ("SCORELENS_SIDECAR_UPSTREAM", "scorer.invalid:50052", "scorer", "name", "not known"),
        ("SCORELENS_CONSOLE_SIDECAR", "127.0.0.1:1", "sidecar", "address", "nothing listens"),
        ("SCORELENS_CONSOLE_URL", "http://127.0.0.1:1", "console", "address", "nothing listens"),
        ("SCORELENS_INDEXER_STORE", "/no/such/folder", "store", "files", "no folder"),
        ("SCORELENS_SIDECAR_FOLDER", "/no/such/folder", "sidecar", "folder", "no folder"),
        ("SCORELENS_INDEXER_ADMIN", "127.0.0.1:1", "indexer", "address", "nothing listens"),
        ("SCORELENS_SIDECAR_UPSTREAM", "nonsense", "scorer", "error", "SCORELENS_SIDECAR_UPSTREAM"),
    ],
)
def test_a_wrong_address_is_named(
    system: System, tmp_path: Path, variable: str, address: str, part: str, check: str, told: str
) -> None:
    """What was named wrong fails with the setting that names it, and the other checks go on."""
    found = examine(tmp_path, {**variables_of(system), variable: address})
    assert found.status == 1
    [failure] = [one for one in found.failed() if (one["part"], one["check"]) == (part, check)]
    assert told in failure["text"]
    assert variable in failure["text"] + failure["advice"]
    assert found.marks("indexer", "health") == ["ok"]


def test_another_server_at_the_address_is_told(system: System, tmp_path: Path) -> None:
    """An indexer where the console should be, and a scorer where the indexer should be, are no failure of theirs."""
    others = {
        "SCORELENS_CONSOLE_URL": f"http://{system.indexer.address}",
        "SCORELENS_SIDECAR_OTLP": system.scorer.address,
    }
    found = examine(tmp_path, {**variables_of(system), **others})
    assert "not in HTTP" in found.only("console", "health")["text"]
    assert "another OTLP receiver" in found.only("indexer", "contract")["text"]


def test_a_damaged_store_fails(system: System, tmp_path: Path) -> None:
    """A file of the index that is cut off is found, and the way to mend it said."""
    copy = tmp_path / "store"
    shutil.copytree(system.store, copy)
    cut = next((copy / "index").glob("*.store"))
    cut.write_bytes(cut.read_bytes()[:10])
    failure = examine(tmp_path, {**variables_of(system), "SCORELENS_INDEXER_STORE": str(copy)}).only("store", "files")
    assert failure["mark"] == "FAIL"
    assert cut.name in failure["text"]
    assert "scorelens rebuild" in failure["advice"]


def test_a_hanging_server_does_not_hang_the_doctor(system: System, tmp_path: Path) -> None:
    """A server that takes connections and answers nothing fails in its time, and everything else is checked."""
    assert system.scorer.process is not None
    os.kill(system.scorer.process.pid, signal.SIGSTOP)
    try:
        found = examine(tmp_path, variables_of(system))
    finally:
        os.kill(system.scorer.process.pid, signal.SIGCONT)
    assert "does not answer in time" in found.only("scorer", "health")["text"]
    assert found.marks("indexer", "account") == ["ok"]


def test_nothing_to_check_is_a_failure(tmp_path: Path) -> None:
    """Where nothing names a part, the doctor says how to name them."""
    found = examine(tmp_path / "empty", {})
    assert found.status == 1
    [only] = found.checks
    assert "scorelens up" in only["advice"]
    assert "SCORELENS_SIDECAR_OTLP" in only["advice"]


def test_a_system_that_does_not_run_is_told(system: System, tmp_path: Path) -> None:
    """The folder of a system that ran is looked at, and that its parts are not there is a warning."""
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    shutil.copytree(system.store, home / "store")
    found = examine(home, {})
    assert found.failed() == []
    assert "scorelens up" in found.only("system", "running")["advice"]
    assert found.marks("store", "files") == ["ok"]
    assert found.marks("sidecar", "address") == ["not checked"]


def test_parts_that_are_gone_and_a_full_spool_are_told(tmp_path: Path) -> None:
    """A stopped scorer, a stopped indexer and a spool without room each say what to do."""
    room = ("--spool-bytes", "64KiB", "--segment-bytes", "64KiB")
    with System(tmp_path, settings=room).start() as system:
        score(system, "good")
        system.settle()
        system.indexer.stop()
        score(system, *["x " * 6000] * 12)
        wait_until(lambda: system.account()["dropped"]["quota"] > 0, "the spool is full")
        wait_until(lambda: system.account()["state"] in ("waiting", "alarm"), "the shipper tells")
        system.scorer.stop()
        found = examine(tmp_path, {**variables_of(system), "SCORELENS_SIDECAR_SPOOL_BYTES": "64KiB"})
    assert found.status == 1
    assert "what is behind it does not answer" in found.only("sidecar", "health")["text"]
    assert "nothing listens" in found.only("scorer", "address")["text"]
    assert "nothing listens" in found.only("indexer", "address")["text"]
    spool = found.only("sidecar", "spool")
    assert spool["mark"] == "FAIL"
    assert "SCORELENS_SIDECAR_SPOOL_BYTES" in spool["advice"]
    assert set(found.marks("sidecar", "dropped")) == {"warn"}
    assert any(system.indexer.address in one["text"] for one in found.failed() if one["check"] == "lag")
    assert set(found.marks("sidecar", "account")) == {"ok"}
