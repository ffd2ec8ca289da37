"""What the relay says of itself to the process that watches it: one JSON line for each connection to a private socket.

{"pid": 17, "started": 1764000000.0, "draining": false, "connections": 3, "upstream_reached": true}
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

STATE_SOCKET: Final = "SCORELENS_RELAY_STATE"
"""Names, to the relay and to who watches it, the socket in the file system at which it tells its state."""

_LONGEST: Final = 4096


@dataclass(frozen=True)
class RelayState:
    """Whether a relay takes calls, how many callers are connected, and whether it last reached the upstream."""

    pid: int
    started: float  # seconds of Unix time
    draining: bool
    connections: int
    upstream_reached: bool

    def line(self) -> bytes:
        """Write it."""
        return json.dumps(asdict(self)).encode() + b"\n"


def ask_relay(path: Path, timeout: float = 1.0) -> RelayState | None:
    """Return what a relay says, or None where no relay answers within some seconds."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            said = b""
            while not said.endswith(b"\n"):
                chunk = connection.recv(_LONGEST)
                if not chunk:
                    return None
                said += chunk
            return RelayState(**json.loads(said))
    except OSError:
        return None
