"""Whether a process can do its work now."""

from __future__ import annotations

from collections.abc import Callable


def _nothing() -> str:
    return ""


class Readiness:
    """Not ready until started, nor once it drains, nor while a check has an objection."""

    def __init__(self, check: Callable[[], str] = _nothing) -> None:
        """Take a check: it returns why not, or an empty text; it is called by any thread and must not wait long."""
        self._check = check
        self._started = self._draining = False

    def start(self) -> None:
        """Say that the process serves."""
        self._started = True

    def drain(self) -> None:
        """Say that the process is about to end, for good."""
        self._draining = True

    def objection(self) -> str:
        """Return why the process is not ready, or an empty text where it is."""
        if self._draining:
            return "draining"
        return self._check() if self._started else "starting"
