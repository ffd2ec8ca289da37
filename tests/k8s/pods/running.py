"""A whole system in pods: an indexer, scorers with their sidecars, and callers whose answers must all be found."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import grpc

from scorelens.v1 import store_admin_pb2, store_admin_pb2_grpc
from scorelens_sidecar.spool.account import DestinationAccount, read_account
from scorelens_sidecar.spool.folders import relay_folders
from scorelens_store.open import open_reader
from tests.end_to_end.load import Failed, Load
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import RECORDS
from tests.k8s.pods.callers import callers
from tests.k8s.pods.cluster import Cluster
from tests.k8s.pods.container import Container
from tests.k8s.pods.pod import HOME, Adapting, Pod

SCORER, INDEXER = "scorelens-scorer", "scorelens-indexer"
WORDS = {"scorer": ["python", "-m", "tests.end_to_end.word_scorer", "--listen", "0.0.0.0:50052"]}
"""A scorer that starts at once; it is somebody's own gRPC service, and drains as gRPC's Python server does."""
_SIGNING_IN = ("SCORELENS_ELASTICSEARCH_CA_FILE", "SCORELENS_ELASTICSEARCH_API_KEY_FILE")
"""What the store of a test does without."""
SETTLE_LIMIT = 120.0


class Running:
    """Indexer and scorers of a cluster's manifests. `store` is a folder or the URL of an Elasticsearch."""

    def __init__(self, cluster: Cluster, store: str, scorer: Adapting, *, replicas: int | None = None) -> None:
        self.cluster, self.store = cluster, store
        own = {"SCORELENS_INDEXER_STORE": store} | dict.fromkeys(_SIGNING_IN, "")
        indexer = Adapting(variables={"indexer": own}, pace=scorer.pace)
        self.indexer = cluster.run(INDEXER, indexer, replicas=1 if store.startswith("/") else None)
        self.scorer = cluster.run(SCORER, scorer, replicas)

    def callers(self, name: str = "d") -> Load:
        """Make callers of all scorers."""
        return callers(self.cluster.target(SCORER, "grpc"), name=name)

    def sidecar_accounts(self) -> list[DestinationAccount]:
        """Return the accounts of all sidecars that run, for their receivers."""
        folders = [pod.mounted("sidecar", HOME) / "sidecar" for pod in self.scorer.pods]
        return [each for folder in folders for each in accounts(folder)]

    def settle(self, *loads: Load, lost: int = 0) -> int:
        """Wait until everything answered is in the store, once; return how many documents are.

        Nothing else may be there but documents of calls whose answers did not arrive. At most `lost` of the answered
        ones may be missing.
        """
        answered = [name for load in loads for name in load.answered]
        assert answered
        assert len(answered) == len(set(answered))

        def missing() -> list[str]:
            found = self.found()
            return [name for name in answered if not found[name]]

        limit = time.monotonic() + SETTLE_LIMIT
        while any(each.spooled for each in self.sidecar_accounts()) or len(missing()) > lost:
            assert time.monotonic() < limit, f"{self.sidecar_accounts()}\n{self.said()}\nmissing: {missing()[:20]}"
            time.sleep(0.5)
        found = self.found()
        doubled = [name for name, count in found.items() if count > 1]
        strange = found.keys() - set(answered)
        assert doubled == []
        # A call that failed for its caller may have been recorded before its answer was lost: two documents each.
        assert len(strange) <= 2 * sum(len(load.failed) for load in loads), sorted(strange)
        assert all(each.adds_up for each in self.sidecar_accounts()), self.sidecar_accounts()
        self.assert_indexers_add_up()
        return sum(found.values())

    def said(self) -> str:
        """Return what all pods logged."""
        return self.cluster.said()

    def found(self) -> Counter[str]:
        """Count the records of each document in the store."""
        with closing(open_reader(self.store)) as reader:
            return Counter(record["document"]["id"] for record in reader.scan(RECORDS) if "document" in record)

    def assert_indexers_add_up(self) -> None:
        """Assert of each indexer that it knows what became of every span."""
        for pod in self.indexer.pods:
            with grpc.insecure_channel(f"{pod.address}:4317") as channel:
                stub = store_admin_pb2_grpc.StoreAdminStub(channel)
                account = stub.GetAccount(store_admin_pb2.GetAccountRequest(), timeout=20, wait_for_ready=True)
            ends = ("stored", "duplicates", "forgotten", "dead_letters", "ignored", "refused")
            assert account.received == sum(getattr(account, name) for name in ends), account


def accounts(folder: Path) -> list[DestinationAccount]:
    """Return the accounts of a sidecar's folder for its receivers, the calculation log apart."""
    found = [each for relay in relay_folders(folder) for each in read_account(relay)]
    return [each for each in found if "://" in each.destination]


def until_ready(container: Container, pod: Pod, what: str) -> None:
    """Wait until a container that was ended has been started again, and its pod is ready."""
    wait_until(lambda: container.restarts and pod.ready, what)


def only_in_flight(failed: Iterable[Failed], moment: float, callers: int = 4) -> None:
    """Assert that failed calls were under way at a moment, one of each caller at most, and may be tried again.

    A call that begins after it may still go out on a connection whose end its caller has not heard of yet, which is the
    same to it; then it is the one of its caller.
    """
    failed = list(failed)
    assert {each.code for each in failed} <= {grpc.StatusCode.UNAVAILABLE}, failed
    assert all(each.ended >= moment for each in failed), failed
    assert max(Counter(each.caller for each in failed).values(), default=0) <= 1, failed
    assert len(failed) <= callers


def now() -> float:
    """Return the time of the clock that callers use."""
    return time.monotonic()
