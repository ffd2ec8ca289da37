"""Keeps the dead letters that a store shows in step with the files: new ones, those forgotten, those rotated away."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from scorelens_indexer.dead_letters import DeadLetters
from scorelens_runtime.errors import ScorelensError

_log = logging.getLogger(__name__)

EVERY: Final = 10.0
"""Seconds between two looks at the files."""

_PATIENCE: Final = 60.0
"""Seconds until the next try when the store is away."""

_SHARE: Final = 20
"""How many times as long as a look took it is left alone; files can hold very many letters."""


class Shown(Protocol):
    """What shows letters: exactly those of the last call, by record id. Raises ScorelensError."""

    def mirror(self, letters: Mapping[str, Mapping[str, Any]]) -> tuple[int, int]:
        """Return how many letters were added and removed."""
        ...

    def close(self) -> None:
        """Close what it holds."""
        ...


class Mirror:
    """A thread of its own, since no export waits for what is only shown."""

    def __init__(self, letters: DeadLetters, shown: Shown, most: int, indexer: str) -> None:
        self._letters, self._shown, self._most, self._indexer = letters, shown, most, indexer
        self._seen = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dead-letters", daemon=True)

    def start(self) -> None:
        """Look now, and regularly from now on."""
        self._thread.start()

    def close(self) -> None:
        """End after the look that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._shown.close()

    def look(self) -> None:
        """Show what the files have, where they changed. Raises ScorelensError."""
        revision = self._letters.revision
        if revision != self._seen:
            heads = self._letters.heads(self._most)
            self._shown.mirror({head["record_id"]: _to_shown(head, self._indexer) for head in heads})
            self._seen = revision

    def _work(self) -> None:
        failing = False
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self.look()
                failing = False
            except ScorelensError as error:
                if not failing:
                    _log.warning(
                        "dead letters are not shown in the store; it is tried again", extra={"error": str(error)}
                    )
                failing = True
            except Exception:
                _log.exception("showing dead letters failed; it is tried again")
                failing = True
            self._stop.wait(max(_PATIENCE if failing else EVERY, _SHARE * (time.monotonic() - started)))


def indexer_id(folder: Path) -> str:
    """Return what tells this indexer's letters from another's: made once, kept in its folder."""
    path = folder / "id"
    if not path.exists():
        temporary = path.with_suffix(".new")
        temporary.write_text(secrets.token_hex(8))
        temporary.replace(path)
    return path.read_text().strip()


def _to_shown(head: Mapping[str, Any], indexer: str) -> dict[str, Any]:
    """Return a letter as people look for it: who it is and why, without the span."""
    ids = {name: {"id": head[f"{name}_id"]} for name in ("record", "document", "trace", "span") if head[f"{name}_id"]}
    own = {"@timestamp": head["time"], "reason": head["reason"], "bytes": head["bytes"], "indexer": {"id": indexer}}
    return ids | own
