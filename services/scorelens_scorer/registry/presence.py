"""What each scorer process serves, told in a file that it holds a lock on: a process that ended holds none."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

FOLDER: Final = ".serving"
_numbers = itertools.count(1)


class Presence:
    """The file of one server of this process."""

    def __init__(self, cache: Path) -> None:
        host = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname())[:64]
        number = next(_numbers)
        self.name = f"{os.getpid()} on {host}" + (f" ({number})" if number > 1 else "")
        self._path = cache / FOLDER / f"{host}-{os.getpid()}-{number}.json"
        self._lock: int | None = None

    def say(self, state: Mapping[str, Any]) -> None:
        """Write what is served, all at once. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        new = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(new, json.dumps({"name": self.name, "pid": os.getpid(), **state}, indent=1).encode())
            fcntl.flock(new, fcntl.LOCK_EX | fcntl.LOCK_NB)  # before others see the file: none reads it without
            partial.replace(self._path)
        except OSError:
            os.close(new)
            raise
        old, self._lock = self._lock, new
        if old is not None:
            os.close(old)

    def withdraw(self) -> None:
        """Remove the file."""
        lock, self._lock = self._lock, None
        if lock is not None:
            self._path.unlink(missing_ok=True)
            os.close(lock)


def living(cache: Path) -> list[dict[str, Any]]:
    """Return what every living process that serves from a folder says; what ended ones left behind is removed."""
    return [state for path in sorted((cache / FOLDER).glob("*.json")) if (state := _read(path)) is not None]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                state: dict[str, Any] = json.load(file)
                return state
            path.unlink(missing_ok=True)
    except (OSError, ValueError):  # it ended just now, or is somebody else's
        return None
    return None
