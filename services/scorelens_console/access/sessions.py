"""Sessions: a random cookie in the browser, everything else here; they end by age and by idleness."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scorelens_console.access.identity import Identity, read_roles, write_roles
from scorelens_console.state import State, hashed, new_secret

_SEEN_EVERY: Final = 60.0
"""Seconds within which being seen is not written down again."""


@dataclass(frozen=True)
class Session:
    """Who is signed in, and the secret that forms have to send back."""

    identity: Identity
    csrf: str
    extra: Mapping[str, Any]


class Sessions:
    """All sessions. `idle` and `age` are how many seconds one may rest, and last at all."""

    def __init__(self, state: State, idle: float, age: float) -> None:
        self._state, self._idle, self.age = state, idle, age

    def begin(self, identity: Identity, **extra: Any) -> str:
        """Begin a session; return what its cookie holds."""
        now, secret = time.time(), new_secret()
        self._state.change("DELETE FROM sessions WHERE seen < ? OR created < ?", (now - self._idle, now - self.age))
        row = (hashed(secret), identity.name, write_roles(identity.roles), identity.method, new_secret(), now, now)
        self._state.change("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, json.dumps(extra)))
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie, None where there is none any more."""
        now, key = time.time(), hashed(secret)
        found = self._state.rows("SELECT * FROM sessions WHERE hash = ?", (key,))
        if not found or found[0]["seen"] < now - self._idle or found[0]["created"] < now - self.age:
            return None
        row = found[0]
        if row["seen"] < now - _SEEN_EVERY:
            self._state.change("UPDATE sessions SET seen = ? WHERE hash = ?", (now, key))
        return Session(
            Identity(row["name"], read_roles(row["roles"]), row["method"]), row["csrf"], json.loads(row["extra"])
        )

    def end(self, secret: str) -> None:
        """End a session."""
        self._state.change("DELETE FROM sessions WHERE hash = ?", (hashed(secret),))
