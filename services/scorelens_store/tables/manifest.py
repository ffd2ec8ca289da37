"""What an export folder says of itself: what is exported, and per day its parts and how far each hour is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final

import orjson

from scorelens_store.tables.errors import FolderDamagedError

FORMAT: Final = 1
"""Version of the layout; a folder of another version is refused."""


@dataclass(frozen=True)
class Scope:
    """Which records a folder holds; the same for all of its exports."""

    query: str = ""
    purposes: tuple[str, ...] = ("production",)
    calls: bool = False

    def describe(self) -> str:
        """Say it for people."""
        purposes = " and ".join(self.purposes) or "every purpose"
        matching = f" that match {self.query!r}" if self.query else ""
        return f"records of {purposes}{matching}, {'with' if self.calls else 'without'} calls"


@dataclass(frozen=True)
class Manifest:
    """The folder as a whole."""

    scope: Scope
    store: str = ""
    exported: str = ""

    def encode(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps({"format": FORMAT, **asdict(self)}, option=orjson.OPT_INDENT_2)

    @classmethod
    def decode(cls, content: bytes, where: object) -> Manifest:
        """Read it. Raises FolderDamagedError."""
        found = _decoded(content, where)
        if found.get("format") != FORMAT:
            raise FolderDamagedError(
                f"{where} is of format {found.get('format')!r} and this version knows format {FORMAT}: use the version "
                "that wrote it, or export to another folder"
            )
        try:
            scope = Scope(found["scope"]["query"], tuple(found["scope"]["purposes"]), bool(found["scope"]["calls"]))
            return cls(scope, str(found["store"]), str(found["exported"]))
        except (KeyError, TypeError) as exc:
            raise _unreadable(where, exc) from exc


@dataclass
class Hour:
    """How many records of an hour are exported, and how many the store had of it when all of them were.

    `seen` is None while that is not known: then the hour is looked at again.
    """

    exported: int = 0
    seen: int | None = None


@dataclass(frozen=True)
class Part:
    """One part: files of the same name in each table. Times are microseconds since 1970."""

    name: str
    documents: int
    scores: int
    terms: int
    bytes: int
    first: int
    last: int


@dataclass
class Partition:
    """One day: its parts by name and its hours by number."""

    day: date
    parts: dict[str, Part] = field(default_factory=dict)
    hours: dict[int, Hour] = field(default_factory=dict)

    @property
    def exported(self) -> int:
        """Return how many records of the day are exported."""
        return sum(hour.exported for hour in self.hours.values())

    @property
    def seen(self) -> int | None:
        """Return how many records the store had of the day when all were exported, None where that is not known."""
        seen = [hour.seen for hour in self.hours.values()]
        return None if None in seen else sum(count for count in seen if count)

    def at(self, hour: int) -> Hour:
        """Return an hour's counts, to be changed."""
        return self.hours.setdefault(hour, Hour())

    def next_name(self) -> str:
        """Return the name of the next part."""
        last = max((int(name[5:10]) for name in self.parts), default=-1)
        return f"part-{last + 1:05}.parquet"

    def encode(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps(
            {
                "parts": list(self.parts.values()),
                "hours": {f"{hour:02}": self.hours[hour] for hour in sorted(self.hours)},
            },
            option=orjson.OPT_INDENT_2,
        )

    @classmethod
    def decode(cls, day: date, content: bytes, where: object) -> Partition:
        """Read it. Raises FolderDamagedError."""
        found = _decoded(content, where)
        try:
            parts = [Part(**part) for part in found["parts"]]
            hours = {int(hour): Hour(**counts) for hour, counts in found["hours"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise _unreadable(where, exc) from exc
        return cls(day, {part.name: part for part in parts}, hours)


def _decoded(content: bytes, where: object) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except ValueError as exc:
        raise _unreadable(where, exc) from exc
    if not isinstance(found, dict):
        raise _unreadable(where, "not an object")
    return found


def _unreadable(where: object, reason: object) -> FolderDamagedError:
    return FolderDamagedError(f"{where} cannot be read ({reason}): restore it from a backup, or export to a new folder")
