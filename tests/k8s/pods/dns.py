"""Names of headless Services on a real DNS server, which gRPC clients ask themselves."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Sequence

Lookup = Callable[[str], Sequence[str] | None]
_A, _IN = 1, 1
_TTL = 1
_NO_SUCH_NAME = 3


class Names:
    """Answer A queries over UDP: `look_up` returns the addresses of a name, None for a name that does not exist."""

    def __init__(self, host: str, look_up: Lookup) -> None:
        self._look_up = look_up
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(0.1)
        self.address = f"{host}:{self._socket.getsockname()[1]}"
        self.asked = 0
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="dns", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._told.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._told.is_set():
            with contextlib.suppress(TimeoutError):
                query, sender = self._socket.recvfrom(4096)
                self.asked += 1
                self._socket.sendto(answer(query, self._look_up), sender)


def answer(query: bytes, look_up: Lookup) -> bytes:
    """Return the answer to a query with one question."""
    name, end = _name(query)
    kind, _ = struct.unpack_from("!HH", query, end)
    addresses = look_up(name)
    found = addresses if addresses and kind == _A else []
    status = _NO_SUCH_NAME if addresses is None else 0
    head = struct.pack("!HHHHHH", *struct.unpack_from("!H", query), 0x8580 | status, 1, len(found), 0, 0)
    records = [
        struct.pack("!HHHIH", 0xC00C, _A, _IN, _TTL, 4) + socket.inet_aton(address)  # 0xC00C: the name asked for
        for address in found
    ]
    return head + query[12 : end + 4] + b"".join(records)


def _name(query: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 1
