"""Forgetting while receivers are away, under load, and in every place of a system."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1 import scorer_pb2_grpc
from tests.end_to_end.load import Load
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import System
from tests.scorelens_client.system import store_of

ODD_IDS = ('it\'s "quoted"', "línea\nnueva 日本", "x" * 9000, "back\\slash")


@pytest.fixture(params=["embedded"])
def system(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[System]:
    """A system whose indexer comes late."""
    for store in store_of(request.param, request):
        with System(tmp_path, store) as running:
            yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that serves, for tests that leave others' documents alone."""
    with System(tmp_path_factory.mktemp("forget")) as running:
        yield running.start()


def score(system: System, *documents: pb.Document) -> None:
    """Score documents in one call."""
    with grpc.insecure_channel(system.sidecar.address) as channel:
        scorer_pb2_grpc.ScorerStub(channel).Score(pb.ScoreRequest(documents=documents), timeout=20)


def document(number: int, **fields: Any) -> pb.Document:
    """Return a document with a word of its own, of one of five customers."""
    values: dict[str, Any] = {"id": f"d-{number}.", "kind": "tweet", "customer_id": f"customer-{number % 5}."}
    return pb.Document(**values | {"text": f"a bad day, secret{number}word, wants its refund"} | fields)


def forget(system: System, *arguments: str, given: bytes = b"", status: int = 0) -> dict[str, Any]:
    """Run the command on the system's folders; return what it reports."""
    command = [sys.executable, "-P", "-m", "scorelens_runtime", "forget", "--yes", "--json", *arguments]
    environment = os.environ | {"SCORELENS_HOME": str(system.folder)}
    done = subprocess.run(command, input=given, capture_output=True, env=environment, timeout=120, check=False)
    assert done.returncode == status, done.stderr.decode()
    report: dict[str, Any] = json.loads(done.stdout or b"{}")
    return report


def files_with(folder: Path, *texts: str) -> list[str]:
    """Return the files below a folder that hold any of some texts."""
    wanted = [form for text in texts for form in (text.encode(), json.dumps(text)[1:-1].encode())]
    found = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in found if any(text in path.read_bytes() for text in wanted)]


def account_of(system: System, name: str) -> dict[str, Any]:
    """Return the sidecar's account of a destination."""
    command = [sys.executable, "-m", "scorelens_sidecar.status", "--folder", str(system.folder / "sidecar"), "--json"]
    status = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    return next(each for relay in status["relays"] for each in relay["destinations"] if each["destination"] == name)


def test_what_waits_for_a_receiver_that_is_away_is_forgotten_at_once(system: System) -> None:
    """Documents in the spool go before the indexer is back; then all others arrive, each once."""
    system.start(indexer=False)
    for batch in range(10):
        score(system, *(document(4 * batch + number) for number in range(4)))
    wait_until(lambda: account_of(system, "calculation-log")["spooled"] == 0, "the calculation log is written")
    assert files_with(system.folder, "secret7word", "customer-3.")
    report = forget(system, "--document", "d-7.", "--customer", "customer-3.", "--document", "d-77.")
    gone = {7, *range(3, 40, 5)}
    assert report["complete"]
    removed = {place["place"].rpartition(": ")[2]: place["removed"] for place in report["places"]}
    assert (removed["spool"], removed["calculation log"], removed["dead letters"]) == (len(gone), len(gone), 0)
    forgotten = [text for number in gone for text in (f"secret{number}word", f"d-{number}.")]
    assert files_with(system.folder, "customer-3.", *forgotten) == []
    assert system.account()["spooled"] == 10
    system.indexer.start()
    system.settle()
    assert files_with(system.folder, "customer-3.", *forgotten) == []
    system.assert_each_once(f"d-{number}." for number in range(40) if number not in gone)
    assert len(system.found()) == 40 - len(gone)


@pytest.mark.parametrize(
    ("system", "times"),
    [("embedded", 2), pytest.param("elasticsearch", 1, marks=(pytest.mark.elasticsearch, pytest.mark.heavy))],
    indirect=["system"],
)
def test_forgetting_under_load_costs_nobody_else_a_record(system: System, times: int) -> None:
    """While hundreds of calls a second pass, documents go for good, the account adds up and all others are found."""
    system.start()
    gone: list[str] = []
    with Load(system.sidecar.address, pause=0.02) as load:
        for _ in range(times):
            seen = len(load.answered)
            wait_until(lambda seen=seen: len(load.answered) > seen + 300, "documents are answered")  # type: ignore[misc]
            some = load.answered[-300::12]
            gone += some
            forget(system, "--indexer", system.indexer.address, "--documents", "-", given="\n".join(some).encode())
    assert load.failed == []
    account = system.settle()
    assert account["dropped"] == dict.fromkeys(account["dropped"], 0)
    system.assert_each_once(name for name in load.answered if name not in set(gone))
    assert not set(gone) & set(system.found())
    left = re.compile(b"|".join(b"bad %s(?![0-9])" % name.encode() for name in gone))
    assert [path for path in system.folder.rglob("*") if path.is_file() and left.search(path.read_bytes())] == []
    lines = (system.folder / "sidecar" / "calculations.jsonl").read_bytes().splitlines()
    logged = [json.loads(line)["document"]["id"] for line in lines if line.strip()]
    assert sorted(logged) == sorted(name for name in load.answered if name not in set(gone))


def test_what_was_forgotten_stays_away_when_it_is_scored_again(shared: System) -> None:
    """A document that comes again under its id is answered, and neither logged nor stored."""
    system = shared
    score(system, document(101), document(102))
    system.settle()
    forget(system, "--indexer", system.indexer.address, "--document", "d-101.")
    score(system, document(101, text="the same again"), document(102))
    system.settle()
    wait_until(lambda: account_of(system, "calculation-log")["spooled"] == 0, "the calculation log is written")
    assert [record["document"]["id"] for record in system.search("id:d-10*")] == ["d-102.", "d-102."]
    assert b"d-101." not in (system.folder / "sidecar" / "calculations.jsonl").read_bytes()


def test_ids_of_any_kind_are_forgotten(shared: System) -> None:
    """Quotes, line breaks, any script and more characters than an index takes are ids like any other."""
    system = shared
    score(system, *(document(number, id=name) for number, name in enumerate(ODD_IDS)))
    score(system, *(document(10 + number, customer_id=name) for number, name in enumerate(ODD_IDS)), document(20))
    system.settle()
    names = "\n".join(json.dumps(name) for name in ODD_IDS).encode()
    indexer = ("--indexer", system.indexer.address)
    assert forget(system, *indexer, "--documents", "-", given=names)["places"][0]["removed"] == 4
    assert forget(system, *indexer, "--customers", "-", given=names)["places"][0]["removed"] == 4
    score(system, document(0, id=ODD_IDS[2]))
    system.settle()
    assert {record["document"]["id"] for record in system.search("secret1*")} <= {"d-101.", "d-102."}
    assert system.search("id:d-20.")
    forgotten = [f"secret{number}word" for number in (*range(4), *range(10, 14))]
    wait_until(lambda: not files_with(system.folder, *forgotten[1:], *ODD_IDS[:2]), "nothing of them is in any file")


def test_unknown_ids_and_no_ids(shared: System) -> None:
    """An id that nothing has is no error; an empty one, which everything without an id has, is refused."""
    system = shared
    score(system, document(201, customer_id=""))
    system.settle()
    report = forget(system, "--indexer", system.indexer.address, "--document", "d-404", "--record", "0" * 32)
    assert report["complete"]
    assert not any(place["removed"] for place in report["places"])
    assert forget(system, "--customer", "", status=2) == {}
    assert forget(system, status=2) == {}
    assert len(system.search("id:d-201.")) == 1


def test_a_place_that_cannot_be_reached_is_told_and_the_others_are_done(system: System) -> None:
    """With the indexer away the spool is cleared all the same; the next run does the rest."""
    system.start()
    score(system, document(1), document(2))
    system.settle()
    address = system.indexer.address
    system.indexer.stop()
    report = forget(system, "--indexer", address, "--document", "d-1.", status=1)
    assert not report["complete"]
    assert [place["place"] for place in report["places"] if place["left"]] == ["store"]
    assert "does not answer" in report["places"][0]["left"]
    assert files_with(system.folder / "sidecar", "secret1word") == []
    assert forget(system, "--document", "d-1.")["complete"]  # by an indexer of its own, as none runs
    assert [record["document"]["id"] for record in system.search("refund")] == ["d-2."]
    audit = [json.loads(line) for line in (system.folder / "audit.jsonl").read_text().splitlines()]
    assert [line["complete"] for line in audit] == [False, True]
    assert audit[0]["ids"] == audit[1]["ids"]
    assert files_with(system.folder, "d-1.", "secret1word") == []
