"""How far a run came, kept so that it goes on after an interruption of any kind.

A file of JSON lines, each the whole state; the last whole line counts. A batch is noted before it is sent and again
once its answers are where they belong, so whatever dies in between leaves a note of what is in doubt. Lines survive the
end of the process as they are written, and a power cut once a second has passed.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scorelens_client.bulk.holding import hold
from scorelens_runtime.errors import ScorelensError

MOST_BYTES = 2**20
SYNC_EVERY = 1.0


@dataclass
class Progress:
    """How far a run came: rows up to `row`, of which so many documents were scored and so many rows rejected.

    `flying` has first row, last row and number of documents of each batch that was sent and not noted as answered;
    `output` and `rejects` are bytes of those files, `tags` counts by group and title.
    """

    run: str = ""
    row: int = 0
    scored: int = 0
    rejected: int = 0
    read: int = 0
    output: int = 0
    rejects: int = 0
    tags: Counter[tuple[str, str]] = field(default_factory=Counter)
    flying: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows that are done with."""
        return self.scored + self.rejected

    def write(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"tags": [[*tag, count] for tag, count in self.tags.items()]}

    @classmethod
    def load(cls, value: dict[str, Any]) -> Progress:
        """Read what `write` wrote. Raises TypeError, ValueError."""
        tags = Counter({(group, title): count for group, title, count in value.pop("tags")})
        flying = [(first, last, count) for first, last, count in value.pop("flying")]
        return cls(**value, tags=tags, flying=flying)


class Journal:
    """The file, held by one run at a time."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Take hold of the file, which is made where it is missing. Raises ScorelensError, OSError."""
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._file = hold(path)
        except BlockingIOError:
            raise ScorelensError(f"{header['file']} is being scored already by another process, the same way") from None
        self._header = header
        self._size = 0
        self._synced = 0.0

    def read(self) -> tuple[dict[str, Any], Progress] | None:
        """Return the header and the last state of an earlier run, None without one."""
        lines = self.path.read_bytes().split(b"\n")[:-1]
        try:
            header = json.loads(lines[0])
        except (ValueError, IndexError):
            return None
        for line in reversed(lines[1:]):
            try:
                return header, Progress.load(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue  # torn by a power cut
        return None

    def note(self, progress: Progress) -> None:
        """Write a state; the first one begins the file anew. Raises ScorelensError."""
        try:
            if not 0 < self._size < MOST_BYTES:
                self._write_anew(progress)
                return
            line = _line(progress.write())
            os.write(self._file, line)
            self._size += len(line)
            if time.monotonic() - self._synced > SYNC_EVERY:
                os.fdatasync(self._file)
                self._synced = time.monotonic()
        except OSError as error:
            raise ScorelensError(f"cannot write {self.path}: {error.strerror}") from error

    def remove(self) -> None:
        """Forget the run, which is complete."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file, and leave none where nothing was noted."""
        if not os.fstat(self._file).st_size:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def _write_anew(self, progress: Progress) -> None:
        content = _line(self._header) + _line(progress.write())
        partial = self.path.with_suffix(".partial")
        fresh = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(fresh, fcntl.LOCK_EX)
        os.write(fresh, content)
        os.fsync(fresh)
        partial.replace(self.path)
        os.close(self._file)
        self._file, self._size = fresh, len(content)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
