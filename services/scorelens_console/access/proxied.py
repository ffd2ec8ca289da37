"""Who calls, as a trusted proxy says in headers of every request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scorelens_console.access.identity import Identity
from scorelens_console.access.peers import Peers
from scorelens_console.access.role_map import RoleMap, roles_of
from scorelens_console.errors import NotAllowedError, NotSignedInError

METHOD: Final = "proxy"
MOST_NAME: Final = 256


@dataclass(frozen=True)
class ProxyHeaders:
    """Which peers may say who calls, in which headers, and what the groups are worth; no `groups` header is ""."""

    peers: Peers
    name: str
    groups: str
    roles: RoleMap

    def identity(self, peer: str, names: Sequence[str], groups: Sequence[str]) -> Identity:
        """Return who calls, by the values of both headers. Raises NotAllowedError, NotSignedInError."""
        if peer not in self.peers:
            raise NotAllowedError("people reach this console through its proxy; this request did not come from there")
        if len(names) > 1 or len(groups) > 1:
            # Somebody else has set one, and nobody can tell which is the proxy's.
            raise NotAllowedError("the headers that say who calls are there twice; the proxy has to replace them")
        name = names[0].strip() if names else ""
        if not name:
            raise NotSignedInError(f"the proxy did not say who calls: it has to set the header {self.name}")
        if len(name) > MOST_NAME or not name.isprintable():
            raise NotAllowedError("the name that the proxy gives is no name")
        own = [group.strip() for value in groups for group in value.split(",")]
        roles = roles_of(filter(None, own), self.roles)
        if not roles:
            raise NotAllowedError(f"{name} is in no group that has a role here; whoever runs the console can give one")
        return Identity(name, roles, METHOD)
