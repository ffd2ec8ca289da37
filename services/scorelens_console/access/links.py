"""Sign-in links that work once, for whoever can read this machine's terminal or files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from scorelens_console.access.identity import Identity, Role, read_roles, write_roles
from scorelens_console.state import State, hashed, new_secret

METHOD: Final = "link"
LIFETIME: Final = 86_400.0


def make_link(state: State, name: str, roles: Mapping[str, Role], lifetime: float = LIFETIME) -> str:
    """Return a new code that signs somebody in once."""
    now = time.time()
    state.change("DELETE FROM links WHERE expires < ?", (now,))
    code = new_secret()
    state.change("INSERT INTO links VALUES (?, ?, ?, ?)", (hashed(code), name, write_roles(roles), now + lifetime))
    return code


def use_link(state: State, code: str) -> Identity | None:
    """Return whom a code signs in, and let it never do so again; None for one that is used, old or unknown."""
    found = state.rows("DELETE FROM links WHERE hash = ? RETURNING name, roles, expires", (hashed(code),))
    if not found or found[0]["expires"] < time.time():
        return None
    return Identity(found[0]["name"], read_roles(found[0]["roles"]), METHOD)
