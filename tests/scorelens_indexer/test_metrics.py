"""The admin port of a real indexer."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from scorelens import conventions as names
from scorelens_indexer.metrics import METRICS
from scorelens_indexer.server import serving
from scorelens_runtime.metrics.export import Telemetry
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_store.errors import StoreUnavailableError
from tests.end_to_end.processes import Component, wait_until
from tests.scorelens_indexer.memory_store import MemoryStore
from tests.scorelens_indexer.running import client_of, failure_of, settings_for
from tests.scorelens_indexer.spans import document, export, span
from tests.scraping import admin_of, assert_defined, get, is_ready, parsed, scrape, value

SPANS = "scorelens_indexer_spans_total"


@contextmanager
def indexer(folder: Path) -> Iterator[Component]:
    """Run an indexer on an embedded store."""
    own = ("--store", str(folder / "store"), "--folder", str(folder / "indexer"), "--admin", "127.0.0.1:0")
    component = Component(folder, "scorelens_indexer", *own)
    try:
        yield component.start()
    finally:
        component.stop()


def test_what_became_of_spans_is_counted(tmp_path: Path) -> None:
    """Stored, twice sent, unreadable and foreign spans are told apart, and so is what a restart keeps."""
    now = time.time_ns()
    when: dict[str, Any] = {"start_time_unix_nano": now, "end_time_unix_nano": now + 10**6}
    new = document(1)
    new.start_time_unix_nano, new.end_time_unix_nano = when.values()
    with indexer(tmp_path) as running:
        with client_of(running.address) as client:
            client.export(export(new, span({"other": 1}, **when)))
            client.export(export(new))
            client.export(export(document(2, {names.DOCUMENT_KIND: 7})))
            with pytest.raises(grpc.RpcError):
                client.export_bytes(b"\xff")
        admin = admin_of(running.said())
        assert is_ready(admin)
        families = scrape(admin)
        assert_defined(families, METRICS)
        outcomes = {sample.labels["outcome"]: sample.value for sample in families["scorelens_indexer_spans"].samples}
        assert outcomes == {"stored": 1, "duplicate": 1, "ignored": 1, "dead_letter": 1, "forgotten": 0, "refused": 0}
        exports = "scorelens_indexer_export_duration_seconds_count"
        assert value(families, exports, status="OK") == 3
        assert value(families, exports, status="INVALID_ARGUMENT") == 1
        assert value(families, "scorelens_indexer_dead_letters_total", reason="unreadable") == 1
        assert value(families, "scorelens_indexer_put_duration_seconds_count", outcome="stored") == 2
        assert value(families, "scorelens_indexer_store_up") == 1
        newest = value(families, "scorelens_indexer_newest_record_time_seconds")
        assert newest == pytest.approx(now / 1e9, abs=0.001)
        assert value(families, "scorelens_indexer_record_age_seconds_count") == 1
        assert value(families, "scorelens_indexer_work_size_bytes") == 0
        assert running.process
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    with indexer(tmp_path) as running:
        families = scrape(admin_of(running.said()))
        assert value(families, SPANS, outcome="stored") == 1
        assert value(families, "scorelens_indexer_export_duration_seconds_count") == 0


def test_a_store_that_is_away_is_told_and_changes_no_readiness(tmp_path: Path) -> None:
    """While the store is away its metric is 0 and senders are told to wait; then it is 1 again."""
    store, instruments = MemoryStore(), Instruments()
    with (
        serving(settings_for(tmp_path), lambda: store, instruments) as (server, _),
        client_of(server.address) as client,
    ):
        telemetry = Telemetry(instruments, {})
        store.fault = StoreUnavailableError("the store is away")
        assert failure_of(lambda: client.export(export(document(1)))).code is grpc.StatusCode.UNAVAILABLE
        found = parsed(telemetry.text())
        assert value(found, "scorelens_indexer_store_up") == 0
        assert value(found, "scorelens_indexer_put_duration_seconds_count", outcome="away") == 1
        assert value(found, "scorelens_indexer_export_duration_seconds_count", status="UNAVAILABLE") == 1
        assert value(found, SPANS, outcome="refused") == 1
        store.fault = None
        client.export(export(document(1)))
        assert value(parsed(telemetry.text()), "scorelens_indexer_store_up") == 1
        telemetry.close()


def test_not_ready_once_it_drains(tmp_path: Path) -> None:
    """SIGTERM ends readiness, and the process with it."""
    with indexer(tmp_path) as running:
        admin = admin_of(running.said())
        assert get(admin, "/livez")[0] == 200
        assert is_ready(admin)
        assert running.process
        running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_ready(admin), "it is not ready any more")
        assert running.process.wait(60) == 0
