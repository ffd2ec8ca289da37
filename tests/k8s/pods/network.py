"""Addresses of this machine: a part of 127.0.0.0/8 that belongs to one cluster while it exists."""

from __future__ import annotations

import socket
from collections.abc import Iterator

_GUARD = 9999


class Network:
    """127.N.0.0/16 for an N that no other test uses now; `pod` and `service` hand out addresses of it."""

    def __init__(self) -> None:
        self._guard, self.number = _claim()
        self._pods, self._services = self._addresses(1), self._addresses(200)

    @property
    def names(self) -> str:
        """Where the DNS server is."""
        return f"127.{self.number}.0.53"

    def pod(self) -> str:
        """Return an address that no pod has had."""
        return next(self._pods)

    def service(self) -> str:
        """Return an address that no Service has had."""
        return next(self._services)

    def close(self) -> None:
        """Leave the network to others."""
        self._guard.close()

    def _addresses(self, first: int) -> Iterator[str]:
        return (f"127.{self.number}.{third}.{last}" for third in range(first, 256) for last in range(2, 255))


def _claim() -> tuple[socket.socket, int]:
    for number in range(64, 128):
        guard = socket.socket()
        try:
            guard.bind((f"127.{number}.0.1", _GUARD))
        except OSError:
            guard.close()
        else:
            return guard, number
    raise AssertionError("all networks of this machine are taken by other tests, or 127.0.0.0/8 is not all its own")
