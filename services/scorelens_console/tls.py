"""Serving https with a certificate from files, which may be replaced while the console runs."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Any

from scorelens_runtime.errors import SettingError

_log = logging.getLogger(__name__)


class ServerTls:
    """Makes the context of a server, which takes up a new certificate with the next connection."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read both. Raises SettingError."""
        self._certificate, self._key = certificate, key
        self._stamp = self._files()
        self._current = self._load()
        self.context = self._load()
        self.context.sni_callback = self._choose

    def _choose(self, connection: Any, name: str | None, context: ssl.SSLContext) -> None:
        stamp = self._files()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._current = self._load()
            except SettingError as error:
                _log.error("the new certificate is not taken up", extra={"cause": str(error)})
        connection.context = self._current

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # A key that needs a pass phrase would have OpenSSL ask the terminal for it.
            context.load_cert_chain(self._certificate, self._key, password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            raise SettingError(
                f"setting --tls-cert: {self._certificate} and {self._key} are not a certificate and its key, "
                "or the key needs a pass phrase"
            ) from error
        return context

    def _files(self) -> tuple[int, ...]:
        try:
            return tuple(number for path in (self._certificate, self._key) for number in _stamp(path))
        except OSError:
            return ()


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
