"""The whole path on one machine: a scorer, a sidecar and an indexer as processes, and what they say of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from scorelens.v1 import store_admin_pb2, store_admin_pb2_grpc
from scorelens_store.contract import Record, Selection
from scorelens_store.open import open_reader
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.end_to_end.processes import Component, wait_until

RECORDS = Selection(Everything(), purposes=(), calls=True)


class System:
    """Start what is needed, break it, and compare what callers got with what can be found.

    `store` is a folder or the URL of an Elasticsearch; `settings` are flags of the sidecar. The indexer's address is
    known before its first start, so that it may come late.
    """

    def __init__(self, folder: Path, store: str = "", settings: Iterable[str] = ()) -> None:
        self.folder = folder
        self.store = store or str(folder / "store")
        self.scorer = Component(folder, "tests.end_to_end.word_scorer")
        self.indexer = Component(
            folder, "scorelens_indexer", "--store", self.store, "--folder", str(folder / "indexer")
        )
        self.sidecar = Component(folder, "scorelens_sidecar", "--folder", str(folder / "sidecar"), *settings)

    def start(self, indexer: bool = True) -> System:
        """Start all parts; the indexer only reserves its port where it is to come later."""
        self.scorer.start()
        self.indexer.start()
        if not indexer:
            self.indexer.stop()
        self.sidecar.arguments += ["--upstream", self.scorer.address, "--otlp", self.indexer.address]
        self.sidecar.start()
        return self

    def __enter__(self) -> System:
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self.sidecar, self.indexer, self.scorer):
            part.stop()

    def account(self) -> dict[str, Any]:
        """Return the sidecar's account of its one destination that is an indexer."""
        command = [sys.executable, "-m", "scorelens_sidecar.status", "--folder", str(self.folder / "sidecar"), "--json"]
        status = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
        [account] = [
            each
            for relay in status["relays"]
            for each in relay["destinations"]
            if each["destination"].endswith(self.indexer.address)
        ]
        return dict(account)

    def indexer_account(self) -> store_admin_pb2.IndexerAccount:
        """Ask the indexer for its account."""
        with grpc.insecure_channel(self.indexer.address) as channel:
            stub = store_admin_pb2_grpc.StoreAdminStub(channel)
            return stub.GetAccount(store_admin_pb2.GetAccountRequest(), timeout=20, wait_for_ready=True)

    def dead_letters(self) -> list[store_admin_pb2.DeadLetter]:
        """Ask the indexer for its dead letters."""
        with grpc.insecure_channel(self.indexer.address) as channel:
            stub = store_admin_pb2_grpc.StoreAdminStub(channel)
            return list(stub.ListDeadLetters(store_admin_pb2.ListDeadLettersRequest(), timeout=20).dead_letters)

    def export(self, spans: list[Span]) -> int:
        """Send spans to the indexer as any exporter does; return how many it rejected."""
        request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
        with grpc.insecure_channel(self.indexer.address) as channel:
            stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]
            answer = stub.Export(request, timeout=20)
        return int(answer.partial_success.rejected_spans)

    def search(self, query: str) -> list[Record]:
        """Return all records that a query finds."""
        with closing(open_reader(self.store)) as reader:
            return list(reader.scan(Selection(parse(query))))

    def settle(self) -> dict[str, Any]:
        """Wait until nothing is spooled any more; return the account, which must add up."""
        wait_until(lambda: self.account()["spooled"] == 0, "everything spooled has been sent", 120)
        account = self.account()
        assert account["adds_up"], account
        dropped = sum(account["dropped"].values())
        assert account["seen"] == account["acknowledged"] + account["spooled"] + dropped + account["sampled_out"]
        return account

    def found(self) -> Counter[str]:
        """Count the records of each document in the store."""
        with closing(open_reader(self.store)) as reader:
            return Counter(record["document"]["id"] for record in reader.scan(RECORDS) if "document" in record)

    def assert_each_once(self, answered: Iterable[str]) -> None:
        """Assert that every answered document is found exactly once, and none more often."""
        answered, found = list(answered), self.found()
        missing = [name for name in answered if not found[name]]
        doubled = [name for name, count in found.items() if count > 1]
        assert answered
        assert (missing, doubled) == ([], [])
