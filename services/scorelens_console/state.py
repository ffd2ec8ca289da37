"""What the console itself keeps, in one SQLite file: sessions, links, tokens, known browsers and saved views.

Secrets are kept as hashes only, so that whoever reads the file cannot sign in with what is in it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from scorelens_runtime.errors import ScorelensError

SECRET_BYTES: Final = 32
ADDRESS: Final = "address"
"""Name of the file with the address that the console listens on."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS links (hash TEXT PRIMARY KEY, name TEXT, roles TEXT, expires REAL);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, name TEXT, roles TEXT, method TEXT, csrf TEXT, created REAL, seen REAL, extra TEXT);
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, hash TEXT UNIQUE, name TEXT, roles TEXT, created REAL, expires REAL, used REAL);
CREATE TABLE IF NOT EXISTS devices (hash TEXT PRIMARY KEY, name TEXT, expires REAL);
CREATE TABLE IF NOT EXISTS views (
    id TEXT PRIMARY KEY, owner TEXT, title TEXT, content TEXT, shared INTEGER, changed REAL);
"""
_VERSION: Final = 1


class State:
    """The file, opened once by each thread."""

    def __init__(self, folder: Path) -> None:
        """Open or make it. Raises ScorelensError."""
        self.path = folder / "console.db"
        self._local = threading.local()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise ScorelensError(f"setting --folder: {folder} cannot be used: {error}") from error

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return what a query finds."""
        with self._connected() as connection:
            return connection.execute(query, values).fetchall()

    def change(self, query: str, values: Sequence[Any] = ()) -> int:
        """Change rows; return how many."""
        with self._connected() as connection:
            return connection.execute(query, values).rowcount

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
        with self._local.connection as connection:  # a transaction
            yield connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    def _open(self) -> None:
        with self._connected() as connection:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > _VERSION:
                raise ScorelensError(f"{self.path} was written by a newer scorelens (form {found}): use that one")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version={_VERSION}")


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hashed(secret: str) -> str:
    """Return what is kept of a secret; it is random and long, so that one round of a hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def write_address(folder: Path, address: str) -> None:
    """Leave word of where the console of a folder listens, for those who make links to it."""
    with suppress(OSError):  # a link names the usual address then
        (folder / ADDRESS).write_text(address, "utf-8")


def read_address(folder: Path) -> str:
    """Return where the console of a folder listened last, nothing where none ever did."""
    try:
        return (folder / ADDRESS).read_text("utf-8").strip()
    except OSError:
        return ""
