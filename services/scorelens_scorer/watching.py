"""Following what is promoted, beside the calls that are answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Final

from scorelens_runtime.errors import ScorelensError
from scorelens_scorer.lineup import Followed, Lineup
from scorelens_scorer.registry.presence import Presence
from scorelens_scorer.router import Router

_log = logging.getLogger(__name__)
PAUSE: Final = 0.5
"""Seconds between two looks."""


class Watcher:
    """Keeps a router to a lineup, and tells other processes what is served."""

    def __init__(self, router: Router, lineup: Lineup, pause: float) -> None:
        self._router, self._lineup, self._pause = router, lineup, pause
        self._presence = Presence(lineup.registry.folder)
        self._said = ""
        self._stopped = threading.Event()

    def look(self) -> None:
        """Load what was promoted, serve it, and tell so. Never raises: what goes wrong is logged once."""
        before = self._lineup.followed
        try:
            if self._lineup.refresh():
                self._router.replace(self._lineup.served())
                _log_changes(before, self._lineup.followed)
                self.tell()
            self._said = ""
        except (ScorelensError, OSError) as error:
            self._complain(error)
        except Exception as error:
            _log.exception("what was promoted cannot be followed")
            self._said = str(error)

    def tell(self) -> None:
        """Write what is served where other processes find it."""
        try:
            self._presence.say(self._lineup.as_json())
        except OSError as error:
            _log.warning("cannot tell others what is served", extra={"reason": str(error)})

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped.wait(self._pause):
            self.look()

    def stop(self) -> None:
        """Look no more, and tell that nothing is served."""
        self._stopped.set()
        self._presence.withdraw()

    def _complain(self, error: Exception) -> None:
        if str(error) != self._said:
            _log.error("what was promoted cannot be followed", extra={"reason": str(error)})
            self._said = str(error)


def watch(router: Router, lineup: Lineup, pause: float = PAUSE) -> Watcher:
    """Keep a router to what is promoted, from a background thread; `stop` ends that.

    Call it in each process that serves, once it is forked and before it takes calls: what was promoted until then is
    served when this returns.
    """
    watcher = Watcher(router, lineup, pause)
    if lineup.followed or lineup.follows_all:
        watcher.tell()  # first, so that whoever promotes from now on waits for this process
        watcher.look()
        threading.Thread(target=watcher.run, name="models", daemon=True).start()
    return watcher


def _log_changes(before: Mapping[str, Followed], now: Mapping[str, Followed]) -> None:
    for model, followed in now.items():
        old = before.get(model, Followed())
        if followed.refused and followed.refused != old.refused:
            extra = {"model": model, "version": followed.refused.version, "reason": followed.refused.reason}
            _log.error("a version cannot be served; the one before stays in use", extra=extra)
        elif followed.versions[:1] != old.versions[:1]:
            was = old.versions[0].version if old.versions else ""
            _log.info("serving", extra={"model": model, "version": followed.versions[0].version, "before": was})
