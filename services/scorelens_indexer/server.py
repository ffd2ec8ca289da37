"""The indexer as a whole: its folder, its store, its two services, and how they end."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final

import grpc

from scorelens_indexer import admin, receiver
from scorelens_indexer.account import Account
from scorelens_indexer.budget import Budget
from scorelens_indexer.dead_letters import DeadLetters
from scorelens_indexer.intake import Intake
from scorelens_indexer.settings import IndexerSettings
from scorelens_indexer.writer import Writer
from scorelens_runtime.errors import SettingError
from scorelens_runtime.serving import RunningServer, Serving
from scorelens_store.contract import Store

_SPARE_THREADS: Final = 8  # for health, reflection and StoreAdmin while exports wait for the store


class Indexer:
    """A running indexer on a store that it closes at the end; use it as a context manager."""

    def __init__(self, settings: IndexerSettings, store: Store) -> None:
        """Start serving. Raises SettingError when the folder or the address is taken."""
        self._lock = lock_folder(settings.folder)
        self._store = store
        self._account = Account(settings.folder / "account")
        dead_letters = DeadLetters(settings.folder, settings.dead_letter_bytes, settings.dead_letter_files)
        self._writer = Writer(store, batch_bytes=settings.batch_bytes, batch_records=settings.batch_records)
        intake = Intake(
            self._writer, dead_letters, self._account, Budget(settings.waiting_bytes, settings.waiting_exports)
        )
        services = (receiver.TraceReceiver(intake), admin.Admin(store, self._writer, dead_letters, self._account))

        def add(server: grpc.Server) -> None:
            for service in services:
                service.add_to(server)

        self.server = RunningServer(
            Serving(
                settings.listen,
                threads=settings.waiting_exports + _SPARE_THREADS,
                max_message=settings.max_message,
                drain=settings.drain,
            ),
            (receiver.SERVICE, admin.SERVICE),
            add,
        )

    def close(self) -> None:
        """Answer what came in, then close everything. Stop the server first."""
        self._writer.close()
        self._account.close()
        self._store.close()
        os.close(self._lock)

    def __enter__(self) -> Indexer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


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
        raise SettingError(f"setting --folder: another indexer is running on {folder}") from error
    return descriptor
