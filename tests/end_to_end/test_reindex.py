"""Indexing anew amid a load: every answered call is found once, with its label, and what is forgotten is gone."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from scorelens.v1 import store_admin_pb2, store_admin_pb2_grpc
from scorelens_store.contract import Selection
from scorelens_store.open import open_reader
from scorelens_store.query.parse import parse
from tests.end_to_end.load import Load
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import RECORDS, System
from tests.scorelens_client.system import command
from tests.scorelens_store.conftest import drop

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[2]


@pytest.fixture
def system(elasticsearch_url: str, tmp_path: Path) -> Iterator[System]:
    """A system that keeps its records in Elasticsearch."""
    prefix = f"anew-{secrets.token_hex(6)}"
    with System(tmp_path, f"{elasticsearch_url}#{prefix}") as running:
        yield running.start()
    drop(elasticsearch_url, prefix)


def _await(load: Load, more: int = 40) -> list[str]:
    before = len(load.answered)
    wait_until(lambda: len(load.answered) >= before + more, "more documents are answered")
    return load.answered[before:]


def _records(system: System, query: str) -> dict[str, str]:
    with closing(open_reader(system.store)) as reader:
        found = list(reader.scan(Selection(parse(query))))
    return {record["document"]["id"]: record["record"]["id"] for record in found}


def _reindex(system: System, *line: str) -> subprocess.CompletedProcess[str]:
    own = {"SCORELENS_ELASTICSEARCH_REPLICAS": "0-1", "PYTHONSAFEPATH": ""}
    return subprocess.run(line, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False)


def test_records_labels_and_forgetting_amid_two_runs_of_which_one_is_killed(system: System) -> None:
    """A run that is killed while writers wait, and the next one, lose, double and bring back nothing."""
    with (
        Load(system.sidecar.address, name="anew", pause=0.1) as load,
        grpc.insecure_channel(system.indexer.address) as channel,
    ):
        admin = store_admin_pb2_grpc.StoreAdminStub(channel)
        first = _await(load)
        wait_until(lambda: len(_records(system, f"document.id:{first[0]}")) == 1, "the first are stored")
        killed = _reindex(system, sys.executable, "-m", "tests.scorelens_client.reindexing", system.store, "KILL")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        _await(load)
        done = _reindex(system, *command("elasticsearch", "reindex", "--all", "--store", system.store))
        assert done.returncode == 0, done.stderr
        assert "-2: " in done.stdout
        label = store_admin_pb2.AnnotateRequest(record_id=_records(system, f"document.id:{first[0]}")[first[0]])
        label.labels.update({"verdict": "right"})
        admin.Annotate(label, timeout=60)
        forgotten = admin.Forget(store_admin_pb2.ForgetRequest(document_ids=[first[1]]), timeout=60)
        assert forgotten.records == 1
        done = _reindex(system, *command("elasticsearch", "reindex", "--all", "--store", system.store))
        assert "-3: " in done.stdout, done.stderr
        _await(load)
    assert load.failed == []
    system.settle()
    system.assert_each_once(set(load.answered) - {first[1]})
    assert _records(system, f"document.id:{first[1]}") == {}
    assert set(_records(system, "labels.verdict:right")) == {first[0]}
    counts = system.indexer_account()
    with closing(open_reader(system.store)) as reader:
        assert counts.stored - 1 == reader.count(RECORDS)
