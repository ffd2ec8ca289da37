"""The indexer as a whole: its folder, its store, its two services, and how they end."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import grpc

from scorelens_indexer.account import Account
from scorelens_indexer.admin import SERVICE as ADMIN_SERVICE
from scorelens_indexer.admin import Admin
from scorelens_indexer.budget import Budget
from scorelens_indexer.dead_letters import DeadLetters
from scorelens_indexer.intake import Intake
from scorelens_indexer.measures import Measures
from scorelens_indexer.mirror import Mirror, indexer_id
from scorelens_indexer.receiver import SERVICE as TRACE_SERVICE
from scorelens_indexer.receiver import TraceReceiver
from scorelens_indexer.retention import Retention
from scorelens_indexer.settings import IndexerSettings
from scorelens_indexer.time_bounds import TimeBounds
from scorelens_indexer.writer import Writer
from scorelens_runtime.errors import SettingError
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.serving import RunningServer, Serving
from scorelens_store.contract import Store
from scorelens_store.open import is_url

_SPARE_THREADS: Final = 8  # for health, reflection and StoreAdmin while exports wait for the store


class FolderInUseError(SettingError):
    """Another indexer holds the folder."""


@contextmanager
def serving(
    settings: IndexerSettings, open_store: Callable[[], Store], instruments: Instruments | None = None
) -> Iterator[tuple[RunningServer, Store]]:
    """Run an indexer on a store until the end of the block, then answer what came in and close everything.

    What is done is counted with `instruments`. Raises SettingError when the folder or the address is taken, and what
    opening the store raises.
    """
    with ExitStack() as stack:
        stack.callback(os.close, lock_folder(settings.folder))
        store = open_store()
        stack.callback(store.close)
        account = Account(settings.folder / "account")
        stack.callback(account.close)
        measures = Measures(instruments or Instruments())
        measures.read_account(account.counts)
        writer = Writer(
            store, batch_bytes=settings.batch_bytes, batch_records=settings.batch_records, on_put=measures.put
        )
        stack.callback(writer.close)
        retention = Retention(store, writer, account, settings.keep, settings.keep_bytes)
        stack.callback(retention.close)
        dead_letters = DeadLetters(settings.folder, settings.dead_letter_bytes, settings.dead_letter_files)
        if is_url(settings.store):
            mirror = _mirror(settings, dead_letters)
            stack.callback(mirror.close)
            mirror.start()
        budget = Budget(settings.waiting_bytes, settings.waiting_exports)
        measures.read_work(budget, lambda: writer.is_store_away)
        intake = Intake(writer, dead_letters, account, budget, TimeBounds(settings.keep), measures)
        server = _server(settings, TraceReceiver(intake, measures), Admin(store, writer, dead_letters, account))
        stack.callback(server.stop)
        retention.start()
        yield server, store


def _mirror(settings: IndexerSettings, dead_letters: DeadLetters) -> Mirror:
    from scorelens_store.elasticsearch.dead_letter_index import MOST, open_dead_letters

    indexer = indexer_id(settings.folder)
    return Mirror(dead_letters, open_dead_letters(settings.store, indexer), MOST, indexer)


def _server(settings: IndexerSettings, traces: TraceReceiver, admin: Admin) -> RunningServer:
    def add(server: grpc.Server) -> None:
        traces.add_to(server)
        admin.add_to(server)

    threads = settings.waiting_exports + _SPARE_THREADS
    how = Serving(
        listen=settings.listen,
        threads=threads,
        max_message=settings.max_message,
        drain=settings.drain,
        max_connection_age=settings.max_connection_age,
    )
    return RunningServer(how, (TRACE_SERVICE, ADMIN_SERVICE), add)


def lock_folder(folder: Path) -> int:
    """Make the indexer's folder and keep other indexers out as long as the returned descriptor is open."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingError(f"setting --folder: {folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise FolderInUseError(f"setting --folder: another indexer is running on {folder}") from error
    return descriptor
