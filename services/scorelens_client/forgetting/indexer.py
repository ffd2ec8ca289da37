"""The indexer, which alone changes a store: the one that runs, or one for this once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc

from scorelens.v1 import store_admin_pb2 as admin
from scorelens.v1.store_admin_pb2_grpc import StoreAdminStub
from scorelens_client.forgetting.ids import Ids
from scorelens_client.home import Home
from scorelens_client.system import last_words
from scorelens_reading.channel import open_channel, translate
from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_store.open import is_url

AT_ONCE = 500
"""Ids that one request names."""


def is_stored(home: Home) -> bool:
    """Tell whether a system of this folder may have stored anything."""
    return home.running() is not None or is_url(home.last_store()) or Path(home.last_store()).is_dir()


@contextmanager
def reach(home: Home, named: str | None) -> Iterator[str]:
    """Yield the address of the indexer that was named, or runs; where none runs, start one for the time of the block.

    Raises ScorelensError where it does not start.
    """
    system = home.running()
    if named or system:
        yield named or (system.indexer if system else "")
        return
    home.make()
    with home.hold():
        supervisor = Supervisor()
        try:
            yield _start(supervisor, home)
        finally:
            supervisor.stop()


def forget(address: str, ids: Ids) -> int:
    """Remove records from the store and the indexer's dead letters; return how many the store had."""
    removed = 0
    with open_channel(address) as channel:
        stub = StoreAdminStub(channel)
        for kind, some in ids.items():
            for start in range(0, len(some), AT_ONCE):
                removed += _forget(stub, address, kind, some[start : start + AT_ONCE])
    return removed


def purge(address: str) -> Iterator[tuple[int, int]]:
    """Take what was removed out of the store's files; yield what is done, and what there is to do."""
    with open_channel(address) as channel:
        try:
            for progress in StoreAdminStub(channel).Purge(admin.PurgeRequest()):
                yield progress.done, progress.total
        except grpc.RpcError as error:
            raise translate(error, "indexer", address) from error


def _forget(stub: StoreAdminStub, address: str, kind: str, ids: Sequence[str]) -> int:
    request = admin.ForgetRequest()
    getattr(request, f"{kind}_ids").extend(ids)
    try:
        return int(stub.Forget(request).records)
    except grpc.RpcError as error:
        raise translate(error, "indexer", address) from error


def _start(supervisor: Supervisor, home: Home) -> str:
    child = Child(
        "indexer",
        [sys.executable, "-P", "-m", "scorelens_runtime", "indexer", "--listen", "127.0.0.1:0"],
        environment={"SCORELENS_HOME": str(home.path), "SCORELENS_INDEXER_STORE": home.last_store()},
        log=home.logs / "indexer.log",
    )
    try:
        return str(supervisor.start(child)["address"])
    except ScorelensError as error:
        raise ScorelensError(f"{error}{last_words(child)}") from error
