"""Views that people saved: each has an owner, and may be shared with whoever has its address."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from scorelens_console.access.identity import Identity
from scorelens_console.core.views import View, kept_view, write_view
from scorelens_console.errors import BadRequestError, NotFoundError
from scorelens_console.state import State

MOST = 500
"""Views that one person may keep."""


@dataclass(frozen=True)
class Saved:
    """A view as it is kept."""

    id: str
    owner: str
    shared: bool
    view: View


class SavedViews:
    """All of them, as one person may see and change them."""

    def __init__(self, state: State, identity: Identity) -> None:
        self._state, self._name = state, f"{identity.method}:{identity.name}"

    def own(self) -> list[Saved]:
        """Return one's own views, the last changed first."""
        return self._read("SELECT * FROM views WHERE owner = ? ORDER BY changed DESC", self._name)

    def shared(self) -> list[Saved]:
        """Return what others share, the last changed first."""
        return self._read(
            "SELECT * FROM views WHERE shared = 1 AND owner != ? ORDER BY changed DESC LIMIT 200", self._name
        )

    def get(self, name: str) -> Saved:
        """Return a view that is one's own, or shared. Raises NotFoundError."""
        found = self._read("SELECT * FROM views WHERE id = ? AND (owner = ? OR shared = 1)", name, self._name)
        if not found:
            raise NotFoundError("there is no such view, or its owner does not share it")
        return found[0]

    def is_own(self, saved: Saved) -> bool:
        """Tell whether a view is one's own."""
        return saved.owner == self._name

    def add(self, view: View, shared: bool) -> str:
        """Keep a new view and return its id. Raises BadRequestError."""
        if len(self.own()) >= MOST:
            raise BadRequestError(f"you keep {MOST} views already: delete one first")
        name = secrets.token_urlsafe(9)
        row = (name, self._name, view.title, write_view(view), int(shared), time.time())
        self._state.change("INSERT INTO views VALUES (?, ?, ?, ?, ?, ?)", row)
        return name

    def change(self, name: str, view: View, shared: bool) -> None:
        """Change one's own view. Raises NotFoundError."""
        row = (view.title, write_view(view), int(shared), time.time(), name, self._name)
        query = "UPDATE views SET title = ?, content = ?, shared = ?, changed = ? WHERE id = ? AND owner = ?"
        if not self._state.change(query, row):
            raise NotFoundError("there is no such view of yours; save it as a new one")

    def remove(self, name: str) -> None:
        """Delete one's own view. Raises NotFoundError."""
        if not self._state.change("DELETE FROM views WHERE id = ? AND owner = ?", (name, self._name)):
            raise NotFoundError("there is no such view of yours")

    def _read(self, query: str, *values: str) -> list[Saved]:
        return [
            Saved(row["id"], row["owner"], bool(row["shared"]), kept_view(row["title"], row["content"]))
            for row in self._state.rows(query, values)
        ]
