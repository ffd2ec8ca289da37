"""Dead letters of the shipper: records that a receiver will never take, or that no span can be made of.

    python -m scorelens_sidecar.dead_letters --folder FOLDER [--json] [--limit N]

lists them, the newest first. With --json each is one line:

    {"time": "2026-11-22T10:00:00.123Z", "reason": "...", "record_id": "...", "document_id": "...", "customer_id": "",
     "trace_id": "...", "span_id": "...", "destination": "http://127.0.0.1:4317", "sequence": 123}
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from scorelens_sidecar.forgetting.tombstones import Tombstones

FILE = "dead-letters.jsonl"
OLDER_FILE = "dead-letters.older.jsonl"
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that was put aside; what could not be told is empty."""

    time: str
    reason: str
    record_id: str
    document_id: str
    trace_id: str
    span_id: str
    destination: str
    sequence: int
    customer_id: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Tell letters of the same record for the same destination apart from all others."""
        return self.destination, self.trace_id, self.span_id, self.sequence


class DeadLetters:
    """Appends dead letters to the folder's file; for any number of threads. A full file makes room for a new one."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path, self._older, self._most_bytes = folder / FILE, folder / OLDER_FILE, most_bytes
        self._lock = threading.Lock()
        self._tombstones = Tombstones(folder)

    def append(self, letters: Iterable[DeadLetter]) -> None:
        """Write letters, but none of what was forgotten, on disk before it returns; raises OSError."""
        with self._lock, self._tombstones.appending():
            covers = self._tombstones.covers
            kept = [each for each in letters if not covers(each.record_id, each.document_id, each.customer_id)]
            data = b"".join(json.dumps(asdict(letter)).encode() + b"\n" for letter in kept)
            if not data:
                return
            if self._path.exists() and self._path.stat().st_size + len(data) > self._most_bytes:
                self._path.replace(self._older)
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "wb", buffering=0) as out:
                out.write(data if _ends_with_line(self._path) else b"\n" + data)
                os.fsync(file)


def now() -> str:
    """Return the time of a letter."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_dead_letters(folder: Path) -> list[DeadLetter]:
    """Return a folder's dead letters, the oldest first, each record's once per destination."""
    letters = {letter.key: letter for path in (folder / OLDER_FILE, folder / FILE) for letter in _read(path)}
    return list(letters.values())


def _read(path: Path) -> Iterator[DeadLetter]:
    names = {field.name for field in fields(DeadLetter)}
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            values = json.loads(line)
            yield DeadLetter(**{name: values[name] for name in names if name in values})
        except (ValueError, KeyError, TypeError):
            continue  # a line that a crash left unfinished; its record was not acknowledged and came again


def _ends_with_line(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return True
        file.seek(size - 1)
        return file.read(1) == b"\n"


def _in_words(letter: DeadLetter) -> str:
    what = f"document {letter.document_id!r}, " if letter.document_id else ""
    return f"{letter.time}  {letter.reason}  ({what}record {letter.record_id or 'unknown'}, {letter.destination})"


def main(arguments: list[str] | None = None) -> int:
    """Print the dead letters of a folder; return the process's exit status."""
    parser = argparse.ArgumentParser("scorelens_sidecar.dead_letters", description="List what could never be sent.")
    parser.add_argument("--folder", type=Path, required=True, help="the sidecar's folder")
    parser.add_argument("--json", action="store_true", help="print a JSON object per line")
    parser.add_argument("--limit", type=int, default=0, help="print at most so many; 0 prints all")
    options = parser.parse_args(arguments)
    letters = read_dead_letters(options.folder.expanduser().absolute())[::-1]
    for letter in letters[: options.limit or None]:
        sys.stdout.write((json.dumps(asdict(letter)) if options.json else _in_words(letter)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
