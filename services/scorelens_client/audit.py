"""The audit of what was forgotten: HOME/audit.jsonl, one line per time, with hashes in place of ids.

{"time": "2026-11-22T10:00:00Z", "user": "ann", "ids": {"document": ["5f0c..."], "customer": [], "record": []},
 "places": [{"place": "store", "removed": 3, "left": ""}], "complete": true}

The hashes are keyed, BLAKE2b of 32 bytes; the key is audit.key beside it. Whoever has both files and an id can tell
whether it was forgotten; nobody can tell the ids.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scorelens_runtime.errors import ScorelensError

FILE, KEY_FILE = "audit.jsonl", "audit.key"
_KEY_SIZE = 32


@dataclass(frozen=True, slots=True)
class Place:
    """What was done at one place: how many things were removed there, and why any are left; None was not counted."""

    place: str
    removed: int | None = 0
    left: str = ""


class Audit:
    """The audit in a folder."""

    def __init__(self, home: Path) -> None:
        self._path, self._key_path = home / FILE, home / KEY_FILE

    def add(self, ids: Mapping[str, Sequence[str]], places: Sequence[Place]) -> dict[str, Any]:
        """Append a line, on disk when it returns; return it. Raises ScorelensError."""
        try:
            key = self._key() or self._make_key()
            line = {
                "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                "user": _user(),
                "ids": {kind: sorted(_hash(key, kind, one) for one in some) for kind, some in ids.items()},
                "places": [asdict(place) for place in places],
                "complete": not any(place.left for place in places),
            }
            self._append(line)
        except OSError as error:
            raise ScorelensError(f"the audit line cannot be written to {self._path}: {error.strerror}") from error
        return line

    def find(self, one: str) -> Iterator[dict[str, Any]]:
        """Yield the lines that tell of an id, of any kind, the oldest first. Raises ScorelensError."""
        try:
            key = self._key()
            lines = self._path.read_bytes().splitlines() if key else []
        except FileNotFoundError:
            return
        except OSError as error:
            raise ScorelensError(f"the audit {self._path} cannot be read: {error.strerror}") from error
        for text in lines:
            line = _read(text)
            kinds = [kind for kind, some in line.get("ids", {}).items() if _hash(key, kind, one) in some]
            for kind in kinds:
                yield {"kind": kind, **{name: line[name] for name in ("time", "user", "places", "complete")}}

    def _append(self, line: Mapping[str, Any]) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "r+b", buffering=0) as out:
            size = os.fstat(file).st_size
            torn = size and os.pread(file, 1, size - 1) != b"\n"  # by a crash within a line
            out.write((b"\n" if torn else b"") + json.dumps(line).encode() + b"\n")
            os.fsync(file)
        _sync_folder(self._path.parent)

    def _key(self) -> bytes:
        try:
            key = self._key_path.read_bytes()
        except FileNotFoundError:
            return b""
        if len(key) != _KEY_SIZE:
            raise ScorelensError(f"the key {self._key_path} is damaged: restore it from a backup, the audit needs it")
        return key

    def _make_key(self) -> bytes:
        """Make the key; of several who do at once, all use the same."""
        new = self._key_path.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_SIZE))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, self._key_path)
        except FileExistsError:
            pass
        finally:
            new.unlink()
        return self._key()


def _hash(key: bytes, kind: str, one: str) -> str:
    # Record ids are hexadecimal, and told in lower case everywhere.
    told = one.lower() if kind == "record" else one
    return hashlib.blake2b(f"{kind}\0{told}".encode(errors="surrogatepass"), key=key, digest_size=32).hexdigest()


def _read(text: bytes) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this number
        return str(os.getuid())


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
