"""Browsers in which somebody has signed in before: a cookie of their own, which signs nobody in."""

from __future__ import annotations

import time
from typing import Final

from scorelens_console.state import State, hashed, new_secret

LIFETIME: Final = 365 * 86_400.0


def remember(state: State, name: str) -> str:
    """Return what the cookie of a browser holds in which somebody has just signed in."""
    now, secret = time.time(), new_secret()
    state.change("DELETE FROM devices WHERE expires < ?", (now,))
    state.change("INSERT INTO devices VALUES (?, ?, ?)", (hashed(secret), name, now + LIFETIME))
    return secret


def mark_of(state: State, secret: str, name: str) -> str:
    """Return the mark of a browser in which this name has signed in before, "" for another."""
    if not secret:
        return ""
    key = hashed(secret)
    found = state.rows("SELECT name, expires FROM devices WHERE hash = ?", (key,))
    return key if found and found[0]["name"] == name and found[0]["expires"] > time.time() else ""
