"""Who looked at which documents: a file of JSON lines, written before the answer goes."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scorelens_console.access.identity import Identity
from scorelens_runtime.errors import ScorelensError


class Audit:
    """Appends one line for every access to documents, and for what changes who has it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.jsonl"
        self._lock = threading.Lock()
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ScorelensError(f"setting --folder: {self.path} cannot be written: {error.strerror}") from error

    def write(self, identity: Identity, action: str, client: str, **what: Any) -> None:
        """Append who did what to which documents, from where. Raises ScorelensError: then it must not happen."""
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
                os.write(self._file, data)
            except OSError as error:
                raise ScorelensError(f"{self.path} cannot be written, so documents are not shown") from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
