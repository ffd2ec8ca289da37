"""Bearer tokens for programs: made by a command, kept as hashes, with roles of their own, and revoked by their id."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scorelens_console.access.identity import Identity, Role, read_roles, write_roles
from scorelens_console.state import State, hashed, new_secret

METHOD: Final = "token"
PREFIX: Final = "scorelens_"
"""Begins every token, so that people and scanners know one when they see it."""
LIFETIME: Final = 90 * 86_400.0
_USED_EVERY: Final = 60.0
"""Seconds within which being used is not written down again."""


@dataclass(frozen=True)
class Token:
    """What is known of a token; times are in seconds since 1970, `used` is 0 for never."""

    id: str
    name: str
    roles: Mapping[str, Role]
    created: float
    expires: float
    used: float


class Tokens:
    """All tokens."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(self, name: str, roles: Mapping[str, Role], lifetime: float = LIFETIME) -> tuple[str, str]:
        """Return the id of a new token and the token itself, which nobody can read again."""
        now, token, key = time.time(), PREFIX + new_secret(), secrets.token_hex(4)
        row = (key, hashed(token), name, write_roles(roles), now, now + lifetime, 0.0)
        self._state.change("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return key, token

    def find(self, token: str) -> Identity | None:
        """Return who uses a token; None for one that is unknown, revoked or too old."""
        now = time.time()
        found = self._state.rows("SELECT * FROM tokens WHERE hash = ?", (hashed(token),))
        if not found or found[0]["expires"] < now:
            return None
        row = found[0]
        if row["used"] < now - _USED_EVERY:
            self._state.change("UPDATE tokens SET used = ? WHERE id = ?", (now, row["id"]))
        return Identity(row["name"], read_roles(row["roles"]), METHOD)

    def all(self) -> list[Token]:
        """Return all tokens, the newest first."""
        return [
            Token(
                row["id"],
                row["name"],
                read_roles(row["roles"]),
                row["created"],
                row["expires"],
                float(row["used"] or 0),
            )
            for row in self._state.rows("SELECT * FROM tokens ORDER BY created DESC")
        ]

    def revoke(self, token_id: str) -> Token | None:
        """Let a token be of no more use; return what it was, None for one that is not there."""
        found = next((token for token in self.all() if token.id == token_id), None)
        self._state.change("DELETE FROM tokens WHERE id = ?", (token_id,))
        return found
