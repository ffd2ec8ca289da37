"""Addresses of a document's page and of its parts, which carry the listing that they were reached from (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from scorelens_console.core.listing import Listing


@dataclass(frozen=True)
class DocumentAddress:
    """The page of one record: which tag is explained, which part of the text is shown, whether with all terms."""

    record_id: str
    listing: Listing
    why: str = ""
    part: int = 1
    all_terms: bool = False

    def page(self, why: str | None = None, part: int | None = None, all_terms: bool | None = None) -> str:
        """Return the address of the page, with some of it changed."""
        shown = self.part if part is None else part
        every = self.all_terms if all_terms is None else all_terms
        return self.listing.address(
            f"/documents/{quote(self.record_id, safe='')}",
            why=self.why if why is None else why,
            part="" if shown == 1 else str(shown),
            terms="all" if every else "",
        )

    def panel(self, name: str, **more: str) -> str:
        """Return the address of one of its panels or files."""
        return self.listing.address(f"/records/{quote(self.record_id, safe='')}/{name}", **more)

    @property
    def back(self) -> str:
        """Return the address of the listing."""
        return self.listing.address()
