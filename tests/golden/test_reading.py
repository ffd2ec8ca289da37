"""What each released version wrote, read by today's code: spools, stores, models, exports, consoles and settings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.bulk.journal import Journal
from scorelens_console.access.accounts import Accounts
from scorelens_console.access.identity import Role
from scorelens_console.access.sessions import running
from scorelens_console.access.tokens import Tokens
from scorelens_console.saved_views import SavedViews
from scorelens_console.state import State
from scorelens_indexer.account import Account
from scorelens_runtime.main import COMMANDS
from scorelens_scorer.model import ALL_TERMS
from scorelens_scorer.registry.kept import Registry
from scorelens_sidecar.status import read_status
from scorelens_store.contract import Outcome, Selection
from scorelens_store.elasticsearch.mapping import to_record
from scorelens_store.elasticsearch.plan import State as ServerState
from scorelens_store.elasticsearch.plan import make_plan
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.open import open_reader, open_store
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.end_to_end.processes import Component
from tests.golden.make import JOURNAL, OWNER, PASSWORD, TEXT
from tests.golden.settings import fields, flags
from tests.scorelens_client.system import run

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if (path / "settings.json").exists())
EVERYTHING = Selection(Everything(), purposes=(), calls=True)

GONE: dict[str, str] = {}
"""Settings, flags and commands that were taken away, by what to use instead; docs/upgrading.md names each."""


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of what a version wrote, as private as its own files were."""
    copy = tmp_path / "golden"
    shutil.copytree(HERE / request.param, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


def expected(golden: Path) -> Any:
    """Return what its parts said when the files were made."""
    return json.loads((golden / "expected.json").read_text("utf-8"))


def test_there_are_golden_files() -> None:
    """The tests below look at something."""
    assert VERSIONS


def test_the_spool_adds_up_and_is_shipped(golden: Path) -> None:
    """The account is as it was, and everything in the spool arrives in a store, what waited and what had been sent."""
    was = expected(golden)["sidecar"]
    [relay] = read_status(golden / "sidecar")["relays"]
    [now] = [one for one in relay["destinations"] if one["destination"] == was["destination"]]
    same = ("seen", "acknowledged", "spooled", "dropped", "sampled_out", "rejected", "bytes", "adds_up")
    assert {name: now[name] for name in same} == {name: was[name] for name in same}
    store = golden / "new" / "store"
    indexer = Component(golden, "scorelens_indexer", "--store", str(store), "--folder", str(golden / "new" / "indexer"))
    indexer.start()
    try:
        where = ("--folder", str(golden / "sidecar"), "--otlp", indexer.address, "--spool-age", "36500d")
        shipped = run(golden, "ship", *where)
        assert shipped.status == 0, shipped.err
    finally:
        indexer.stop()
    with closing(open_reader(store)) as reader:
        arrived = {record["document"]["id"]: record for record in reader.scan(EVERYTHING) if "document" in record}
    assert {"good", "bad", "odd", "waiting", "late"} <= arrived.keys()
    [before] = [one for one in expected(golden)["records"] if one.get("document", {}).get("id") == "good"]
    assert arrived["good"]["score"] == before["score"]
    assert arrived["good"]["record"]["id"] == before["record"]["id"]
    assert arrived["good"]["calculation"] == before["calculation"]


def test_dead_letters_and_the_calculation_log_are_listed(golden: Path) -> None:
    """Both parts' dead letters, and the log beside the spool, are read by the commands of today."""
    command = [sys.executable, "-m", "scorelens_sidecar.dead_letters", "--folder", str(golden / "sidecar"), "--json"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout
    assert [json.loads(line)["document_id"] for line in listed.splitlines()] == ["odd"]
    [letter] = [json.loads(line) for line in (golden / "indexer" / "dead-letters.jsonl").read_text().splitlines()]
    assert letter["document_id"] == "never"
    found = run(golden, "log", "id:good", "--no-follow")
    assert [line["document"]["id"] for line in found.lines] == ["good"], found.err


def test_the_embedded_store_is_searched_and_written_to(golden: Path) -> None:
    """Every record is as it was, labels and what was forgotten included, and further ones go in beside them."""
    records = expected(golden)["records"]
    with closing(open_reader(golden / "store")) as reader:
        assert list(reader.scan(EVERYTHING)) == records
        [hit] = reader.search(Selection(parse("service AND score.praise:>0.5 AND label.verdict:right"))).hits
        assert hit.record["document"]["id"] == "good"
    store = open_store(golden / "store")
    try:
        assert {result.outcome for result in store.put(records)} == {Outcome.DUPLICATE}
        gone = {**records[0], "record": {**records[0]["record"], "id": "f" * 32}}
        gone["document"] = {**records[0].get("document", {}), "id": "gone"}
        assert [result.outcome for result in store.put([gone])] == [Outcome.FORGOTTEN]
    finally:
        store.close()


def test_a_document_is_shown(golden: Path) -> None:
    """The command of today shows a document of the store with its calculation."""
    shown = run(golden, "show", "good", "--store", str(golden / "store"))
    assert shown.status == 0, shown.err
    assert "good service" in shown.out
    assert "sum = margin" in shown.out


def test_the_indexers_account_goes_on(golden: Path) -> None:
    """What was counted stays counted."""
    account = Account(golden / "indexer" / "account")
    counts = account.counts()
    account.close()
    assert {"received": counts.received, "stored": counts.stored} == expected(golden)["indexer"]


def test_documents_of_elasticsearch_become_records(golden: Path) -> None:
    """The stored form of each record becomes the record again, and an index by its templates is brought up in place."""
    found = json.loads((golden / "elasticsearch.json").read_text("utf-8"))
    assert [to_record(source) for source in found["sources"]] == expected(golden)["records"]
    parts: dict[str, Any] = {}
    for component in found["components"].values():
        parts |= component["template"]
    index = {"aliases": {"scorelens": {}}, **parts}
    state = ServerState(
        found["index"], found["components"], {"scorelens-2026.11.29": index, "scorelens-forgotten": found["forgotten"]}
    )
    plan = make_plan(ElasticsearchSettings(), state)
    assert not plan.newer
    assert not [one for one in plan.left if one.needs_reindex], "docs/upgrading.md has to name the reindex, and GONE it"


def test_saved_models_score(golden: Path) -> None:
    """The version in use is loaded and scores as it did, and the one before can be gone back to."""
    registry = Registry(golden / "models")
    history = registry.history("small")
    assert (history.version, history.before) == ("2", "1")
    for version in registry.versions("small"):
        model = registry.load("small", version)
        scoring = model.score([Document(text=TEXT)], ALL_TERMS)
        assert list(np.asarray(scoring.probabilities)[0]) == pytest.approx(
            json.loads((golden / "models.json").read_text())
        )


def test_an_export_is_gone_on_with(golden: Path) -> None:
    """A run of today adds nothing to a folder that has everything, and finds every record in it whole."""
    store = ("--store", str(golden / "store"), "--calls", "--purpose", "all")
    for verify in ((), ("--verify",)):
        ran = run(golden, "export", str(golden / "export"), *store, "--json", *verify)
        assert ran.status == 0, ran.err
        [summary] = ran.lines
        assert (summary["exported"], summary["mended"]) == (0, []), summary
        assert summary["tables"]["documents"] == len(expected(golden)["records"])


def test_the_console_knows_its_people(golden: Path) -> None:
    """Accounts sign in, sessions and tokens are there, and saved views are read."""
    account = Accounts(golden / "console" / "accounts.json").check("ada", PASSWORD)
    assert account is not None
    assert account.identity.role("small") is Role.SCIENTIST
    state = State(golden / "console")
    [view] = SavedViews(state, OWNER).own()
    assert (view.view.title, view.shared) == ("Complaints", True)
    assert [token.name for token in Tokens(state).all()] == ["reports"]
    assert [session.name for session in running(state, 1e12, 1e12)] == ["ada"]


def test_an_interrupted_run_is_gone_on_with(golden: Path) -> None:
    """How far `scorelens score` came is known."""
    journal = Journal(golden / "score" / "run.jsonl", JOURNAL)
    found = journal.read()
    journal.close()
    assert found is not None
    assert found[0] == JOURNAL
    assert (found[1].row, found[1].rows, found[1].flying) == (20, 20, [(21, 30, 10)])


def test_settings_and_commands_keep_their_names(golden: Path) -> None:
    """Every variable, flag and command is still known, and what its default was is still a value that it takes."""
    was = json.loads((golden / "settings.json").read_text("utf-8"))
    known = fields()
    for variable, default in was["variables"].items():
        assert variable in known or variable in GONE, variable
        if variable in known:
            known[variable].metadata["parse"](default)
    today = flags()
    for component, names in was["flags"].items():
        assert [name for name in names if name not in today[component] and name not in GONE] == []
    assert [name for name in was["commands"] if name not in COMMANDS and name not in GONE] == []


def test_nothing_in_them_names_a_machine(golden: Path) -> None:
    """No file holds a path of the machine that it was made on."""
    folders = re.compile(rb"/(home|root|tmp|Users|work|var/folders)/")
    for path in golden.rglob("*"):
        assert not (path.is_file() and folders.search(path.read_bytes())), path
