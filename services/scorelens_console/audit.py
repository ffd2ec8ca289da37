"""Who looked at which documents, and who came in: files of JSON lines, each written before the answer goes.

{"time": "2026-11-22T10:00:00.000Z", "name": "ada", "method": "account", "action": "document", "client": "10.1.2.3",
 "address": "/documents/5f0c…", "documents": 1, "record_ids": ["5f0c…"]}

audit.jsonl is written to; older lines are in audit-TIME.jsonl beside it until they are too old to be kept. Records are
named by their ids, which say nothing of their documents.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scorelens_console.access.identity import Identity
from scorelens_runtime.errors import ScorelensError

BYTES: Final = 100 * 2**20
KEPT: Final = 400 * 86_400.0

_log = logging.getLogger(__name__)


class AuditError(ScorelensError):
    """A line that cannot be written, so that what it tells of must not happen."""


class Audit:
    """Appends lines; goes on in a new file at a size, and removes files after a time, both of which are settings."""

    def __init__(self, folder: Path, most_bytes: int = BYTES, keep: float = KEPT) -> None:
        """Open the file. Raises AuditError."""
        self.path = folder / "audit.jsonl"
        self._most_bytes, self._keep = most_bytes, keep
        self._lock = threading.Lock()
        self._file, self._torn = -1, False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise AuditError(f"setting --folder: {self.path} cannot be written: {error.strerror}") from error

    def write(self, identity: Identity, action: str, client: str, **what: Any) -> None:
        """Append who did what to which documents, from where. Raises AuditError: then it must not happen."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "name": identity.name,
            "method": identity.method,
            "action": action,
            "client": client,
            **what,
        }
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            try:
                self._rotate()
                self._append(data)
            except OSError as error:
                _log.critical("the audit log cannot be written", extra={"file": str(self.path), "cause": str(error)})
                raise AuditError(f"{self.path} cannot be written ({error.strerror}), so nothing is shown") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            os.close(self._file)

    def _append(self, data: bytes) -> None:
        begin = b"\n" if self._torn else b""
        written = os.write(self._file, begin + data)
        self._torn = written < len(begin) + len(data)
        if self._torn:
            raise OSError(0, "the disk is full")

    def _open(self) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._file >= 0:
            os.close(self._file)
        size = os.fstat(file).st_size
        # A crash may have left a line without its end.
        self._torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        self._file = file

    def _rotate(self) -> None:
        """Go on in a new file where this one is full, or where somebody moved it away."""
        own = os.fstat(self._file)
        try:
            named = self.path.stat()
        except FileNotFoundError:
            named = None
        if named is not None and named.st_ino == own.st_ino and own.st_size >= self._most_bytes:
            self.path.rename(self.path.with_name(f"audit-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"))
            self._remove_old()
            named = None
        if named is None or named.st_ino != own.st_ino:
            self._open()

    def _remove_old(self) -> None:
        oldest = time.time() - self._keep
        for path in self.path.parent.glob("audit-*.jsonl"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
