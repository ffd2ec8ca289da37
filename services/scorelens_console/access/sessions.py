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

    def find(self, secret: str, *, active: bool = True) -> Session | None:
        """Return the session of a cookie, None where there is none any more.

        What a page asks for by itself is not `active`: it does not keep a session from coming to its end.
        """
        if not secret:
            return None
        now, key = time.time(), hashed(secret)
        found = self._state.rows("SELECT * FROM sessions WHERE hash = ?", (key,))
        if not found or found[0]["seen"] < now - self._idle or found[0]["created"] < now - self.age:
            return None
        row = found[0]
        if active and row["seen"] < now - min(_SEEN_EVERY, self._idle / 4):
            self._state.change("UPDATE sessions SET seen = ? WHERE hash = ?", (now, key))
        return Session(
            Identity(row["name"], read_roles(row["roles"]), row["method"]), row["csrf"], json.loads(row["extra"])
        )

    def end(self, secret: str) -> None:
        """End a session."""
        self._state.change("DELETE FROM sessions WHERE hash = ?", (hashed(secret),))


@dataclass(frozen=True)
class Running:
    """A session that goes on; times are in seconds since 1970."""

    name: str
    roles: str
    method: str
    created: float
    seen: float


def running(state: State, idle: float, age: float) -> list[Running]:
    """Return the sessions that go on, those seen last first."""
    now = time.time()
    rows = state.rows(
        "SELECT name, roles, method, created, seen FROM sessions WHERE seen >= ? AND created >= ? ORDER BY seen DESC",
        (now - idle, now - age),
    )
    return [Running(*row) for row in rows]


def end_all(state: State, name: str | None = None) -> int:
    """End every session, or those of one person; return how many there were."""
    if name is None:
        return state.change("DELETE FROM sessions")
    return state.change("DELETE FROM sessions WHERE name = ?", (name,))
