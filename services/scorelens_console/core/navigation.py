"""The pages of each role, in the order in which they are offered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from scorelens_console.access.identity import Identity, Role


class Entry(NamedTuple):
    """A page: its address, its title, and the role from which on it is offered."""

    address: str
    title: str
    least: Role = Role.VIEWER


PAGES: Final = (
    Entry("/documents", "Documents"),
    Entry("/reach", "Reach"),
    Entry("/offers", "Offers"),
    Entry("/pull", "Pull up"),
    Entry("/patterns", "Patterns", Role.SCIENTIST),
    Entry("/views", "Views", Role.SCIENTIST),
    Entry("/production", "Production", Role.SCIENTIST),
)


def pages_of(identity: Identity) -> Iterator[tuple[str, str]]:
    """Yield address and title of the pages that somebody is offered."""
    return ((entry.address, entry.title) for entry in PAGES if identity.highest >= entry.least)
