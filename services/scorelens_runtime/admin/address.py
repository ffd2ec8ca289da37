"""Where an admin port is: an address of the network, or a socket in the file system."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Final

from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.settings import setting

Address = Endpoint | Path

_UNIX: Final = "unix:"
_BACKLOG: Final = 64


def admin_setting() -> Any:
    """Declare the setting of the admin port, the same for every server."""
    text = "Address of /livez, /readyz and /metrics over plain HTTP: HOST:PORT, or unix:PATH; none serves none."
    return setting("", text, read_admin)


def metrics_otlp_setting() -> Any:
    """Declare the setting of the receiver of metrics, the same for every server."""
    text = "OTLP/gRPC receiver that metrics are sent to, such as collector.example:4317; none sends none."
    return setting("", text, _read_receiver, "--metrics-otlp", "SCORELENS_METRICS_OTLP")


def read_admin(text: str) -> Address | None:
    """Read HOST:PORT or unix:PATH; nothing is None. Raises SettingError."""
    if text.startswith(_UNIX):
        return Path(text.removeprefix(_UNIX)).absolute()
    return Endpoint.parse_listen(text) if text else None


def shown(address: Address | None) -> str:
    """Write an address as settings have it."""
    if address is None:
        return ""
    return f"{_UNIX}{address}" if isinstance(address, Path) else address.address


def listen(address: Address) -> socket.socket:
    """Listen; a socket that a process left behind is replaced. Raises SettingError."""
    try:
        if isinstance(address, Path):
            address.unlink(missing_ok=True)
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(str(address))
            listening.listen(_BACKLOG)
            return listening
        family, _, _, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where, family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (")[0]
        raise SettingError(f"setting --admin: cannot listen on {shown(address)}: {reason}") from error


def bound(address: Address, listening: socket.socket) -> Address:
    """Return where a socket really listens: port 0 has become another."""
    return address if isinstance(address, Path) else Endpoint(address.host, listening.getsockname()[1])


def _read_receiver(text: str) -> Endpoint | None:
    return Endpoint.parse(text) if text else None
