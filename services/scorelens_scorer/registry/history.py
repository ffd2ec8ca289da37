"""Which version of a model is in use, and how that came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One change of the version in use, at a time (RFC 3339), by a person; `rollback` says that it went back."""

    version: str
    time: str
    by: str
    rollback: bool = False


@dataclass(frozen=True)
class History:
    """Every change, the oldest first.

    A version that is empty stands for what is served where nothing was promoted: the current version of a reference
    model, nothing for any other.
    """

    changes: tuple[Change, ...] = ()

    @property
    def version(self) -> str:
        """The version in use."""
        return self._promoted()[-1]

    @property
    def before(self) -> str | None:
        """The version that a rollback goes back to, None where there is none."""
        promoted = self._promoted()
        return promoted[-2] if len(promoted) > 1 else None

    @property
    def last(self) -> Change | None:
        """The last change."""
        return self.changes[-1] if self.changes else None

    def promote(self, version: str, time: str, by: str) -> History:
        """Return the history with a version in use that was not."""
        return History((*self.changes, Change(version, time, by)))

    def roll_back(self, time: str, by: str) -> History:
        """Return the history with the version before in use again. Raises ValueError where there is none."""
        if self.before is None:
            raise ValueError("nothing was promoted")
        return History((*self.changes, Change(self.before, time, by, rollback=True)))

    def as_json(self) -> dict[str, Any]:
        """Return what `of_json` reads."""
        return {"version": self.version, "history": [asdict(change) for change in self.changes]}

    @classmethod
    def of_json(cls, value: Any) -> History:
        """Read a history. Raises ValueError, TypeError or KeyError where it is none."""
        history = cls(tuple(Change(**_checked(change)) for change in value["history"]))
        if history.version != value["version"]:
            raise ValueError(f"version {value['version']!r} is not where its history ends, {history.version!r}")
        return history

    def _promoted(self) -> list[str]:
        promoted = [""]
        for change in self.changes:
            if change.rollback:
                promoted.pop()
            else:
                promoted.append(change.version)
        if not promoted:
            raise ValueError("it was rolled back more often than promoted")
        return promoted


def _checked(change: Mapping[str, Any]) -> Mapping[str, Any]:
    if not all(isinstance(change[name], str) for name in ("version", "time", "by")):
        raise ValueError("version, time and by must be strings")
    return change
