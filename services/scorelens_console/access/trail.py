"""What one request has read of documents, so that an audit line can say so before the answer goes."""

from __future__ import annotations

from typing import Any, Final

from scorelens_store.contract import Record

MOST_IDS: Final = 200
"""Records that a line names; it counts them all."""


class Trail:
    """Counts the documents that were read for a request; pages add what else its audit line should say."""

    def __init__(self) -> None:
        self.documents = 0
        self.action = ""
        self.details: dict[str, Any] = {}
        self._ids: dict[str, None] = {}
        self._written = -1

    def saw(self, record: Record) -> None:
        """Count a record whose document is about to be shown."""
        self.documents += 1
        if len(self._ids) < MOST_IDS:
            self._ids[str(record["record"]["id"])] = None

    def note(self, action: str, **details: Any) -> None:
        """Say what is done; a line is written even if no document was read."""
        self.action = action
        self.details |= details

    @property
    def is_due(self) -> bool:
        """Tell whether something was read or noted that no line says yet."""
        return self._written < self.documents and (self.documents > 0 or self.action != "")

    def line(self) -> dict[str, Any]:
        """Return what a line says, which is then taken for written."""
        self._written = self.documents
        return self.details | {"documents": self.documents, "record_ids": list(self._ids)}
