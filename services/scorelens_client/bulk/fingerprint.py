"""Whether a file is still the one that it was."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

HEAD = 2**16
PROBES = 16
PROBE = 2**13


@dataclass(frozen=True)
class Fingerprint:
    """Size in bytes, time of the last change in nanoseconds, and a hash of the head and of parts all over the file."""

    size: int
    changed: int
    hash: str

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        """Read a file's. Raises OSError."""
        status = path.stat()
        content = hashlib.sha256()
        with path.open("rb") as file:
            content.update(file.read(HEAD))
            for probe in range(1, PROBES + 1):
                file.seek(max(0, status.st_size * probe // PROBES - PROBE))
                content.update(file.read(PROBE))
        return cls(status.st_size, status.st_mtime_ns, content.hexdigest())

    @classmethod
    def read(cls, value: Any) -> Fingerprint:
        """Read what `write` wrote. Raises TypeError."""
        return cls(**value)

    def write(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def differs(self, now: Fingerprint) -> str:
        """Say for people what is different now; empty where nothing is."""
        if now.size != self.size:
            return f"it had {self.size:,} bytes and has {now.size:,}"
        if now.hash != self.hash:
            return "its content is another"
        if now.changed != self.changed:
            return f"it was written again at {datetime.fromtimestamp(now.changed / 1e9):%Y-%m-%d %H:%M:%S}"
        return ""
