"""Putting roles and API keys on a server, by its security API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from scorelens_runtime.secrets import Secret
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.roles import Role, to_api
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.errors import QueryError, StoreUnavailableError

_NO_ROLES: Final = (
    "has no roles that can be put by the API ({}): print them with `scorelens elasticsearch roles --yaml` and add them "
    "to config/roles.yml on each of its servers"
)
_NO_KEYS: Final = "makes no API keys ({}): sign in with a name and a password file, or with a client certificate"


@dataclass(frozen=True)
class ApiKey:
    """A new API key; `encoded` is what SCORELENS_ELASTICSEARCH_API_KEY_FILE holds, and is never shown again."""

    id: str
    name: str
    encoded: Secret


class Security:
    """The security API of one server, for one who may manage it."""

    def __init__(self, url: str, settings: ElasticsearchSettings) -> None:
        self._connection = Connection(url, settings)

    def put_role(self, role: Role) -> bool:
        """Create or replace a role; tell whether it is new. Raises StoreUnavailableError."""
        found = self._ask("PUT", f"/_security/role/{quote(role.name, safe='')}", to_api(role), _NO_ROLES)
        return bool(found.get("role", {}).get("created"))

    def create_api_key(self, name: str, role: Role, expiration: str = "") -> ApiKey:
        """Create a key that may do what the role may, as far as its maker may; `expiration` is such as 90d.

        Raises StoreUnavailableError.
        """
        body: dict[str, Any] = {"name": name, "role_descriptors": {role.name: to_api(role, description=False)}}
        if expiration:
            body["expiration"] = expiration
        found = self._ask("POST", "/_security/api_key", body, _NO_KEYS)
        return ApiKey(str(found["id"]), str(found["name"]), Secret(found["encoded"]))

    def close(self) -> None:
        """Close the sockets."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: dict[str, Any], missing: str) -> dict[str, Any]:
        try:
            found = self._connection.request(method, path, body)
        except QueryError as exc:
            raise StoreUnavailableError(f"{self._connection.where} {missing.format(exc.reason)}") from exc
        if not isinstance(found, dict):
            raise StoreUnavailableError(f"{self._connection.where} {missing.format('404')}")
        return found
