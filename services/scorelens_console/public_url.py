"""The address by which people reach the console."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from scorelens_runtime.endpoint import is_loopback
from scorelens_runtime.errors import SettingError

_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


@dataclass(frozen=True)
class PublicUrl:
    """A scheme, and a host with its port where that is not the scheme's own."""

    scheme: str
    netloc: str

    @classmethod
    def parse(cls, text: str) -> PublicUrl:
        """Read https://HOST or http://HOST:PORT. Raises SettingError."""
        try:
            parts = urlsplit(text.strip().lower())
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if host is None or not _HOST.fullmatch(host) or parts.scheme not in ("http", "https") or "@" in parts.netloc:
            raise SettingError(f"{text!r} is not an address such as https://console.example")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise SettingError(f"{text!r} has a path; the console needs a host name of its own")
        named = f"[{host}]" if ":" in host else host
        standard = port is None or port == {"http": 80, "https": 443}[parts.scheme]
        return cls(parts.scheme, named if standard else f"{named}:{port}")

    @property
    def origin(self) -> str:
        """Return it as browsers name where a request comes from."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def host(self) -> str:
        """Return the host alone."""
        return host_of(self.netloc)

    @property
    def is_secure(self) -> bool:
        """Tell whether it is encrypted."""
        return self.scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Tell whether it never leaves this machine."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return self.origin


def host_of(netloc: str) -> str:
    """Return the host of HOST or HOST:PORT, without the brackets of IPv6, in lower case."""
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0].lower()
    return netloc.partition(":")[0].lower()
