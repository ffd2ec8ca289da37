"""Makes the golden files of the version that is checked out, by its real parts: python -m tests.golden.make FOLDER

Once a version is released its files are never made again: they are what its users have on their disks. Nothing in them
is secret: the documents, names and the one password are made up here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scorelens import conventions
from scorelens.v1 import scorer_pb2, scorer_pb2_grpc, store_admin_pb2, store_admin_pb2_grpc
from scorelens.v1.scorer_pb2 import Document
from scorelens_client.bulk.journal import Journal, Progress
from scorelens_console.access.accounts import Accounts
from scorelens_console.access.identity import Identity, Role
from scorelens_console.access.sessions import Sessions
from scorelens_console.access.tokens import Tokens
from scorelens_console.audit import Audit
from scorelens_console.core.views import read_view
from scorelens_console.saved_views import SavedViews
from scorelens_console.state import State
from scorelens_scorer.model import ALL_TERMS
from scorelens_scorer.registry.history import History
from scorelens_scorer.registry.kept import Registry
from scorelens_sidecar.dead_letters import DeadLetter, DeadLetters
from scorelens_store.contract import Record, Selection
from scorelens_store.elasticsearch.mapping import to_source
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.templates import component_templates, forgotten_index, index_template
from scorelens_store.open import open_reader
from scorelens_store.query.tree import Everything
from scorelens_store.values import field_values
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import System
from tests.golden.settings import written
from tests.scorelens_scorer.small_models import keep

TEXT: Final = "refund please now"
PASSWORD: Final = "made up for the golden files"
OWNER: Final = Identity("ada", {"*": Role.SCIENTIST}, "accounts")
EVERYTHING: Final = Selection(Everything(), purposes=(), calls=True)
JOURNAL: Final = {"file": "documents.jsonl", "version": "golden"}

_LEFT_OUT: Final = ("lock", "*.lock", ".tantivy-*.lock", "*.sock", "relay.state", "forgotten.lock", "shipper.json")


def main() -> None:
    """Make all of a version's files in a folder that is not there yet."""
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        _make_system(Path(work), folder)
    _write(folder / "models.json", _make_models(folder / "models"))
    _make_console(folder / "console")
    _make_elasticsearch(folder)
    journal = Journal(folder / "score" / "run.jsonl", JOURNAL)
    journal.note(Progress(run="r", row=20, scored=19, rejected=1, flying=[(21, 30, 10)]))
    journal.close()
    _write(folder / "settings.json", written())


def _make_system(work: Path, folder: Path) -> None:
    with System(work).start() as system:
        _score(system, good="good service", bad="bad refund", odd="unstorable", gone="good bye")
        _fail(system)
        system.settle()
        with grpc.insecure_channel(system.indexer.address) as channel:
            admin = store_admin_pb2_grpc.StoreAdminStub(channel)
            right = store_admin_pb2.AnnotateRequest(record_id=_record(system, "good"))
            right.labels.update({"verdict": "right"})
            admin.Annotate(right)
            admin.Forget(store_admin_pb2.ForgetRequest(document_ids=["gone"]))
        assert system.export([_unstorable()]) == 1
        account = system.indexer_account()
        system.indexer.stop()
        _score(system, waiting="good but waiting", late="bad and late")
        wait_until(lambda: system.account()["spooled"] == 2, "two calls wait")
        accounts = {"sidecar": system.account(), "indexer": {"received": account.received, "stored": account.stored}}
        system.sidecar.stop()
    for name in ("sidecar", "store", "indexer"):
        shutil.copytree(work / name, folder / name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    # From within the folder, so that no path of this machine is kept.
    command = ["export", "export", "--store", "store", "--calls", "--purpose", "all", "--home", str(work)]
    subprocess.run([sys.executable, "-m", "scorelens_runtime", *command], cwd=folder, check=True)
    destination = f"http://{system.indexer.address}"
    letter = DeadLetter(
        "2026-11-29T12:00:00.000Z", "tag.probability: no number", "", "odd", "0" * 32, "0" * 16, destination, 2
    )
    DeadLetters(folder / "sidecar").append([letter])
    del accounts["sidecar"]["oldest_spooled_age"]
    with closing(open_reader(folder / "store")) as reader:
        records = list(reader.scan(EVERYTHING))
    _write(folder / "expected.json", {"destination": destination, **accounts, "records": records})


def _score(system: System, **texts: str) -> None:
    with grpc.insecure_channel(system.sidecar.address) as channel:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        for name, text in texts.items():
            document = scorer_pb2.Document(
                id=name, text=text, kind="tweet", audience=7, attributes={"campaign": "autumn"}
            )
            stub.Score(scorer_pb2.ScoreRequest(documents=[document]), timeout=20, wait_for_ready=True)


def _fail(system: System) -> None:
    """Have a call recorded that the scorer refuses."""
    with grpc.insecure_channel(system.sidecar.address) as channel:
        try:
            scorer_pb2_grpc.ScorerStub(channel).GetModel(scorer_pb2.GetModelRequest(id="none"), timeout=20)
        except grpc.RpcError:
            return


def _unstorable() -> Span:
    """Return a span with words where probabilities belong, as anybody's exporter could send it."""
    values = {conventions.RECORD: "document", conventions.DOCUMENT_ID: "never", conventions.TAG_IDS: "good"}
    span = Span(name="x", trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=time.time_ns())
    for name, value in {**values, conventions.TAG_PROBABILITIES: "many"}.items():
        span.attributes.add(key=name).value.string_value = value
    return span


def _record(system: System, document: str) -> str:
    [record] = [one for one in system.search(f"id:{document}") if one["document"]["id"] == document]
    return str(record["record"]["id"])


def _make_models(folder: Path) -> list[float]:
    """Keep two versions, put both to use, and return what they say of TEXT."""
    registry = Registry(folder)
    keep(folder, "1", "2")
    for version in ("1", "2"):
        registry.change("small", partial(_promoted, version))
    scoring = registry.load("small", "2").score([Document(text=TEXT)], ALL_TERMS)
    return [float(chance) for chance in np.asarray(scoring.probabilities)[0]]


def _promoted(version: str, history: History) -> History:
    return history.promote(version, "2026-11-29T12:00:00+00:00", "ada")


def _make_console(folder: Path) -> None:
    state = State(folder)
    Accounts(folder / "accounts.json").put("ada", OWNER.roles, PASSWORD)
    Sessions(state, 3600, 86_400).begin(OWNER)
    Tokens(state).create("reports", {"*": Role.VIEWER})
    SavedViews(state, OWNER).add(
        read_view("Complaints", "q=tag:complaint", "time,text", "score.complaint by 0.1"), shared=True
    )
    with closing(Audit(folder)) as audit:
        audit.write(OWNER, "golden", "127.0.0.1")
    state._local.connection.close()  # which writes all of it into the one file


def _make_elasticsearch(folder: Path) -> None:
    settings = ElasticsearchSettings()
    records: list[Record] = json.loads((folder / "expected.json").read_text())["records"]
    sources = [to_source(record, field_values(record)) for record in records]
    templates = {"index": index_template(settings), "components": component_templates(settings)}
    _write(folder / "elasticsearch.json", {"sources": sources, **templates, "forgotten": forgotten_index(settings)})


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
