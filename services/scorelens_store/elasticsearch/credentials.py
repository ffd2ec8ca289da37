"""How a client signs in to Elasticsearch, and how it knows the server."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import unquote

from scorelens_store.elasticsearch.settings import ElasticsearchSettings


def credentials(username: str | None, password: str | None, settings: ElasticsearchSettings) -> dict[str, Any]:
    """Return how the client signs in; the settings win over what the address says. Raises SettingError."""
    if api_key := settings.secret("api_key"):
        return {"api_key": api_key}
    if settings.username:
        return {"basic_auth": _basic(settings.username, settings.secret("password"))}
    if username:
        return {"basic_auth": _basic(unquote(username), unquote(password or ""))}
    return {}


def _basic(username: str, password: str) -> str:
    # Encoded here, since the client library knows ASCII passwords only.
    return b64encode(f"{username}:{password}".encode()).decode()


def tls(settings: ElasticsearchSettings) -> dict[str, Any]:
    """Return how the client makes sure of the server, and shows who it is itself."""
    named = {
        "ca_certs": settings.ca_file,
        "client_cert": settings.client_certificate,
        "client_key": settings.client_key,
    }
    return {"verify_certs": True} | {name: str(path) for name, path in named.items() if path is not None}
