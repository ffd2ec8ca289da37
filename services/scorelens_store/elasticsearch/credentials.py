"""How a client signs in to Elasticsearch, how it knows the server, and how it takes up new secrets and certificates."""

from __future__ import annotations

import logging
import ssl
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from scorelens_runtime.endpoint import is_loopback
from scorelens_runtime.errors import SettingError
from scorelens_store.elasticsearch.settings import ElasticsearchSettings

_log = logging.getLogger(__name__)


class SignIn:
    """What shows the server who asks, and what the server is known by.

    `addresses` begin with http:// or https://; `username` and `password` are those of an address, percent-encoded.
    """

    def __init__(
        self, addresses: Sequence[str], username: str | None, password: str | None, settings: ElasticsearchSettings
    ) -> None:
        """Read the files. Raises SettingError that names what cannot be used."""
        self._encrypted = any(address.startswith("https://") for address in addresses)
        self._username, self._password, self._settings = username, password, settings
        self._check(addresses)
        self._read = self._contents()

    def options(self) -> dict[str, Any]:
        """Return the client library's options. Raises SettingError for files that hold something else."""
        signed = credentials(self._username, self._password, self._settings)
        return signed | ({"ssl_context": tls_context(self._settings)} if self._encrypted else {})

    def changed(self) -> bool:
        """Tell whether files hold something else than they did the last time. Raises SettingError."""
        before, self._read = self._read, self._contents()
        return before != self._read

    def _contents(self) -> tuple[bytes, ...]:
        secrets = [self._settings.secret(name).encode() for name in ("password", "api_key")]
        files = _tls_files(self._settings) if self._encrypted else {}
        return tuple(sha256(content).digest() for content in (*secrets, *map(_bytes_of, files.items())))

    def _check(self, addresses: Sequence[str]) -> None:
        for name in () if self._encrypted else _tls_files(self._settings):
            raise SettingError(f"setting {name}: {addresses[0]} has no TLS; does the address begin with https://?")
        if credentials(self._username, self._password, self._settings):
            for address in addresses:
                parts = urlsplit(address)
                if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
                    _log.warning("credentials go unencrypted over the network; use https", extra={"address": address})


def credentials(username: str | None, password: str | None, settings: ElasticsearchSettings) -> dict[str, Any]:
    """Return whom the client signs in as; the settings win over what the address says. Raises SettingError."""
    if api_key := settings.secret("api_key"):
        return {"api_key": api_key}
    if settings.username:
        return {"basic_auth": _basic(settings.username, settings.secret("password"))}
    if username:
        return {"basic_auth": _basic(unquote(username), unquote(password or ""))}
    return {}


def tls_context(settings: ElasticsearchSettings) -> ssl.SSLContext:
    """Return how the server is verified, always, and which certificate is shown to it. Raises SettingError."""
    context = _trusting(settings.ca_file)
    if settings.client_certificate is not None:
        _show(context, settings.client_certificate, settings.client_key)
    return context


def _trusting(file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (ssl.SSLError, ValueError) as exc:
        raise SettingError(f"setting {_variable('ca_file')}: {file} holds no certificates in PEM form") from exc


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key, _no_pass_phrase)
    except (ssl.SSLError, ValueError) as exc:
        reason = (
            "the key does not belong to the certificate"
            if "MISMATCH" in str(exc)
            else f"{certificate} and {key} are not a certificate and its key in PEM form"
        )
        raise SettingError(f"setting {_variable('client_key')}: {reason}") from exc


def _no_pass_phrase() -> str:
    raise SettingError(
        f"setting {_variable('client_key')}: the key is encrypted; decrypt it (openssl pkey) into a file of mode 0600"
    )


def _basic(username: str, password: str) -> str:
    # Encoded here, since the client library knows ASCII passwords only.
    return b64encode(f"{username}:{password}".encode()).decode()


def _tls_files(settings: ElasticsearchSettings) -> dict[str, Path]:
    names = ("ca_file", "client_certificate", "client_key")
    return {_variable(name): path for name in names if (path := getattr(settings, name)) is not None}


def _bytes_of(named: tuple[str, Path]) -> bytes:
    variable, path = named
    try:
        return path.read_bytes()
    except OSError as exc:
        raise SettingError(f"setting {variable}: {path} cannot be read: {exc.strerror}") from exc


def _variable(name: str) -> str:
    return f"SCORELENS_ELASTICSEARCH_{name.upper()}"
