"""Asking another process's admin port on the same machine, by its socket in the file system."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, what: str, timeout: float = 2.0) -> tuple[int, bytes]:
    """Return status and body of what a process answers, such as at /metrics. Raises OSError where it does not."""
    connection = _Connection(path, timeout)
    try:
        connection.request("GET", what)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no answer at {path}: {error!r}") from error
    finally:
        connection.close()
