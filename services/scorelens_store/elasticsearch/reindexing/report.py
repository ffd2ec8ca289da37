"""What a run says: while it goes on, and at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from scorelens_store.elasticsearch.reindexing.copying import Copied
from scorelens_store.errors import StoreUnavailableError


class Watcher(Protocol):
    """Who is told how far a run is."""

    def step(self, what: str, done: int, total: int) -> None:
        """Say what is being done, how many records are done, and how many there are."""

    def wait(self, error: StoreUnavailableError) -> None:
        """Say that the server is away and will be asked again."""


@dataclass
class Result:
    """What became of an index."""

    index: str
    to: str = ""
    """Its new name; empty where retention removed it meanwhile."""
    records: int = 0
    copied: int = 0
    """With those that were copied again because they had changed."""
    resumed: bool = False
    """Whether it went on with what an earlier try had copied."""
    removed: int = 0
    """From the copy, since they were forgotten after they had been copied."""
    waited: float = 0.0
    """Seconds that writers had to wait."""
    unmerged: str = ""
    """Why files of the copy may still hold what was forgotten meanwhile; empty where none does."""

    def add(self, done: Copied) -> None:
        """Count what was done."""
        self.copied, self.removed = self.copied + done.copied, self.removed + done.removed
