"""What moving records from one store to another asks of the two, beyond the contract of every store.

Tombstones are keyed hashes, and each store has a key of its own. A store that takes over those of another one keeps the
other's key beside its own, so that what was forgotten there is refused here, and nobody learns what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Reader, Record, Selection, Store
from scorelens_store.open import is_url, open_reader, open_store


@dataclass(frozen=True)
class Forgotten:
    """Some of the hashes of what was forgotten, all made with one key; `key` and each hash are 16 bytes."""

    key: bytes
    hashes: Sequence[bytes]


class Source(Reader, Protocol):
    """A store that records are taken from. It is only read."""

    def scan_heads(self, selection: Selection) -> Iterator[Record]:
        """Yield every match as `scan` does, with at least its ids, its time and its labels."""
        ...

    def forgotten(self) -> Iterator[Forgotten]:
        """Yield the hashes of all that was forgotten, those taken over included, some at a time."""
        ...


class Target(Source, Store, Protocol):
    """A store that records are put into."""

    def keep_out(self, forgotten: Forgotten) -> int:
        """Take hashes of another store over and return how many are new; what they cover is refused, not removed."""
        ...

    def covers(self, records: Sequence[Record]) -> list[bool]:
        """Tell of each record, of which the ids suffice, whether it was forgotten."""
        ...


def open_source(where: str | Path, **changes: Any) -> Source:
    """Open the store to read from: a folder, the home of a system that keeps it in one, or an address.

    `changes` replace single settings of Elasticsearch. Raises ScorelensError where there is no store.
    """
    return cast("Source", open_reader(where if is_url(where) else folder_of(Path(where)), **changes))


def open_target(where: str | Path, *, writing: bool = True, **changes: Any) -> Target:
    """Open the store to write to; a folder is refused while another process writes to it.

    Without `writing` nothing is made, and the store is only good for reading.
    """
    opened = open_store if writing else open_reader
    return cast("Target", opened(where if is_url(where) else _target_folder(where), **changes))


def place_of(where: str) -> str:
    """Return how a store is named to people, without credentials."""
    scheme, separator, rest = where.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else where


def folder_of(path: Path) -> Path:
    """Return the folder of the embedded store that a path names. Raises ScorelensError."""
    path = path.expanduser()
    for folder in (path, path / "store"):
        if (folder / "format").is_file():
            return folder
    raise ScorelensError(
        f"{path} has no embedded store: name the folder of one, or of the system that keeps it (SCORELENS_HOME)"
    )


def _target_folder(where: str | Path) -> Path:
    folder = Path(where).expanduser()
    is_home = any((folder / name).is_dir() for name in ("store", "run", "sidecar"))
    return folder / "store" if is_home else folder
