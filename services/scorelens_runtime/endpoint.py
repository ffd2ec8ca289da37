"""Network addresses as settings name them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from scorelens_runtime.errors import SettingError


@dataclass(frozen=True)
class Endpoint:
    """A host and a port, and whether the connection is encrypted."""

    host: str
    port: int
    tls: bool = False

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read HOST:PORT, http://HOST:PORT or https://HOST:PORT.

        Without a scheme, an address of this machine is plain and any other encrypted, so that nothing crosses a network
        in the clear unless http:// asks for it.
        """
        scheme, separator, rest = text.rpartition("://")
        if separator and scheme not in ("http", "https"):
            raise SettingError(f"{text!r} starts with {scheme}://; use http:// (plain) or https:// (encrypted)")
        host, port = _split(rest.rstrip("/") if separator else text, text)
        tls = scheme == "https" if separator else not is_loopback(host)
        return cls(host, port, tls)

    @classmethod
    def parse_listen(cls, text: str) -> Endpoint:
        """Read HOST:PORT to listen on; port 0 takes any free one."""
        host, port = _split(text, text)
        return cls(host, port)

    @property
    def address(self) -> str:
        """HOST:PORT, with the brackets that IPv6 needs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}"


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address never leaves this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str, whole: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise SettingError(f"{whole!r} is not HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:50051")
    return host, int(port)
