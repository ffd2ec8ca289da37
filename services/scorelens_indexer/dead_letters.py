"""Spans that could never be stored, kept so that a person can see why and replay them once the cause is gone.

One JSON object per line: time, reason, record_id, document_id, customer_id, trace_id, span_id, and `export`, the base64
of an ExportTraceServiceRequest that holds this one span with its resource and scope. Files rotate by size and only so
many are kept; the oldest letters go first. A line is on disk before its export is acknowledged.
"""

from __future__ import annotations

import base64
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from scorelens_indexer import times
from scorelens_indexer.identity import Identity
from scorelens_runtime.errors import UnavailableError

_NAME: Final = "dead-letters.jsonl"
_RETRY_SECONDS: Final = 10.0
_REASON_LENGTH: Final = 1000


@dataclass(frozen=True)
class Letter:
    """A span to put aside: who it is, why, and the serialised request that would bring it again."""

    identity: Identity
    reason: str
    export: bytes


class DeadLetters:
    """An append-only, rotating list on disk; a span that is sent again is not listed again.

    Only what the kept files list is remembered; of a forgotten span just the id stays.
    """

    def __init__(self, folder: Path, max_bytes: int, max_files: int) -> None:
        """Read what is there already; `max_bytes` bounds one file, `max_files` counts the one being written."""
        self._folder, self._max_bytes, self._max_files = folder, max_bytes, max_files
        self._lock = threading.Lock()
        self._path = folder / _NAME
        _end_torn_line(self._path)
        self._known = {line["record_id"] for path in self._paths() for line in _lines(path)}
        self.revision = 0
        """Changes with every change of what is kept."""

    def add(self, letters: Sequence[Letter]) -> int:
        """Put spans aside durably; return how many were not listed yet.

        Raises UnavailableError when they cannot be written: then nothing may be acknowledged.
        """
        with self._lock:
            new = {letter.identity.record_id: letter for letter in letters}
            for record_id in new.keys() & self._known:
                del new[record_id]
            if new:
                self._append([self._line(letter) for letter in new.values()])
                self._known |= new.keys()
                self.revision += 1
            return len(new)

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """Return the last letters, the newest first."""
        found: list[dict[str, Any]] = []
        with self._lock:
            for path in reversed(self._paths()):
                found += [line for line in reversed(list(_lines(path))) if "reason" in line][: limit - len(found)]
                if len(found) >= limit:
                    break
        return found

    def heads(self, limit: int) -> list[dict[str, Any]]:
        """Return the last letters, the oldest first, with the size of their export in `bytes` instead of itself."""
        with self._lock:
            found = deque((_head(line) for path in self._paths() for line in _lines(path) if "reason" in line), limit)
        return list(found)

    def forget(self, field: str, values: Iterable[str]) -> None:
        """Remove the content of letters whose `field` has one of the values; they stay known by their id."""
        wanted = frozenset(values)
        with self._lock:
            for path in self._paths():
                lines = list(_lines(path))
                kept = [{"record_id": line["record_id"]} if line.get(field) in wanted else line for line in lines]
                if kept != lines:
                    _replace(path, b"".join(map(_dump, kept)))
                    self.revision += 1

    def _line(self, letter: Letter) -> bytes:
        head = {"time": times.now(), "reason": letter.reason[:_REASON_LENGTH], **asdict(letter.identity)}
        line = _dump(head | {"export": base64.b64encode(letter.export).decode()})
        return line if len(line) <= self._max_bytes else _dump(head | {"export": None})

    def _append(self, lines: Sequence[bytes]) -> None:
        try:
            for line in lines:
                self._write(line)
            self._sync()
        except OSError as error:
            _end_torn_line(self._path)
            message = f"dead letters cannot be written to {self._path}: {error.strerror}"
            raise UnavailableError(message, _RETRY_SECONDS) from error

    def _write(self, line: bytes) -> None:
        size = self._path.stat().st_size if self._path.exists() else 0
        if size and size + len(line) > self._max_bytes:
            self._sync()
            self._rotate()
        with open(self._path, "ab", opener=_private) as file:
            file.write(line)

    def _sync(self) -> None:
        for path in (self._path, self._folder):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _rotate(self) -> None:
        older = self._older()
        number = int(older[-1].suffixes[0][1:]) + 1 if older else 1
        self._path.rename(self._path.with_suffix(f".{number:06d}.jsonl"))
        for path in self._older()[: -(self._max_files - 1) or None]:
            self._known -= {line["record_id"] for line in _lines(path)}
            path.unlink()

    def _older(self) -> list[Path]:
        return sorted(self._folder.glob("dead-letters.??????.jsonl"))

    def _paths(self) -> list[Path]:
        return [*self._older(), *([self._path] if self._path.exists() else [])]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            with suppress(orjson.JSONDecodeError):  # a power cut can leave a damaged line behind
                yield orjson.loads(line)


def _head(line: dict[str, Any]) -> dict[str, Any]:
    export = line.pop("export", None) or ""
    return line | {"bytes": len(export) * 3 // 4 - export[-2:].count("=")}


def _dump(line: dict[str, Any]) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _end_torn_line(path: Path) -> None:
    """Cut off what a write that did not finish has left behind the last whole line."""
    with suppress(FileNotFoundError), path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".new")
    with open(temporary, "wb", opener=_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
