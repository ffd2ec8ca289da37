"""The doctor on a real Elasticsearch, with what goes wrong there made to."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from scorelens_store.elasticsearch import ElasticsearchSettings, open_store
from scorelens_store.elasticsearch.setup import open_setup
from tests.scorelens_client.doctor.examining import Examined, examine
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import make
from tests.scorelens_store.server import ask

pytestmark = pytest.mark.elasticsearch


@pytest.fixture(scope="module")
def prefix(elasticsearch_url: str) -> Iterator[str]:
    """A prefix that is set up, with two records of now; tests leave it as it is."""
    settings = ElasticsearchSettings(prefix=f"doctor-{secrets.token_hex(6)}")
    with open_setup(elasticsearch_url, settings) as setup:
        setup.apply(setup.plan())
    store = open_store(elasticsearch_url, settings)
    now = datetime.now(UTC).isoformat()
    store.put([{**make(number), "@timestamp": now} for number in (1, 2)])
    store.close()
    yield settings.prefix
    drop(elasticsearch_url, settings.prefix)


def looked(url: str, prefix: str, home: Path, **variables: str) -> Examined:
    """Examine a prefix as an indexer would be told of it."""
    return examine(home, {"SCORELENS_INDEXER_STORE": f"{url}#{prefix}", **variables})


def test_a_healthy_server_has_no_failure(elasticsearch_url: str, prefix: str, tmp_path: Path) -> None:
    """Version, health, shards, disk, templates and the newest record are all told."""
    found = looked(elasticsearch_url, prefix, tmp_path)
    assert found.failed() == []
    for check in (
        "address",
        "version",
        "health",
        "shards",
        "disk",
        "read-only",
        "templates",
        "clock",
        "records",
        "schema",
    ):
        assert found.marks("store", check) == ["ok"], check
    assert "2, the newest" in found.only("store", "records")["text"]


def test_a_prefix_that_nobody_set_up_fails(elasticsearch_url: str, tmp_path: Path) -> None:
    """Missing templates are named with the command that makes them, and none is made."""
    name = f"doctor-{secrets.token_hex(6)}"
    for _ in range(2):
        templates = looked(elasticsearch_url, name, tmp_path).only("store", "templates")
        assert templates["mark"] == "FAIL"
        assert f"component template {name}@mappings" in templates["text"]
        assert "scorelens elasticsearch setup" in templates["advice"]


def test_old_templates_are_a_warning(elasticsearch_url: str, prefix: str, tmp_path: Path) -> None:
    """Templates that differ from the settings warn, and the command that shows the difference is said."""
    found = looked(elasticsearch_url, prefix, tmp_path, SCORELENS_ELASTICSEARCH_SHARDS="2")
    assert found.only("store", "templates")["mark"] == "warn"
    assert "--dry-run" in found.only("store", "templates")["advice"]


@pytest.mark.parametrize("block", ["read_only_allow_delete", "write"])
def test_a_read_only_index_fails(elasticsearch_url: str, prefix: str, tmp_path: Path, block: str) -> None:
    """An index that takes no writes is named with what undoes it."""
    [index] = ask(elasticsearch_url, "GET", f"/{prefix}/_alias")
    ask(elasticsearch_url, "PUT", f"/{index}/_settings", {f"index.blocks.{block}": True})
    try:
        found = looked(elasticsearch_url, prefix, tmp_path)
    finally:
        ask(elasticsearch_url, "PUT", f"/{index}/_settings", {f"index.blocks.{block}": None})
    failure = found.only("store", "read-only")
    assert failure["mark"] == "FAIL"
    assert index in failure["text"]
    assert f'"index.blocks.{block}": null' in failure["advice"]


def test_missing_copies_are_a_warning(elasticsearch_url: str, prefix: str, tmp_path: Path) -> None:
    """An index with a copy that no server has is yellow."""
    [index] = ask(elasticsearch_url, "GET", f"/{prefix}/_alias")
    ask(elasticsearch_url, "PUT", f"/{index}/_settings", {"auto_expand_replicas": False, "number_of_replicas": 5})
    try:
        found = looked(elasticsearch_url, prefix, tmp_path)
    finally:
        ask(elasticsearch_url, "PUT", f"/{index}/_settings", {"auto_expand_replicas": "0-1"})
    assert found.only("store", "health")["mark"] == "warn"
    assert "_cluster/allocation/explain" in found.only("store", "health")["advice"]


def test_another_version_of_the_setup_is_told(elasticsearch_url: str, prefix: str, tmp_path: Path) -> None:
    """A period that differs from the server's is an error that names the setting."""
    found = looked(elasticsearch_url, prefix, tmp_path, SCORELENS_ELASTICSEARCH_PERIOD="month")
    assert "SCORELENS_ELASTICSEARCH_PERIOD" in found.only("store", "templates")["text"]


def test_a_server_that_is_something_else_is_told_once(tmp_path: Path) -> None:
    """What answers and is no Elasticsearch fails with one line, and nothing further is asked."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        found = examine(tmp_path, {"SCORELENS_ELASTICSEARCH_URL": f"http://127.0.0.1:{server.server_port}"})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [one["check"] for one in found.failed()] == ["answer"]
    assert str(server.server_port) in found.only("store", "answer")["text"]
