"""What was forgotten, as keyed hashes in append-only files: enough to refuse it, too little to read it.

`tombstones` has this store's own; `tombstones-…` what was taken over from another store, a file for each foreign key.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

from scorelens_store.embedded.files import write_durably
from scorelens_store.errors import StoreDamagedError
from scorelens_store.moving import Forgotten
from scorelens_store.values import Values

FIELDS: Final = ("record.id", "document.id", "customer.id")
"""Fields by whose values records are forgotten."""

OWN: Final = "tombstones"
_SIZE: Final = 16
_AT_ONCE: Final = 10_000


class Tombstones:
    """Hashes of the ids that are kept out, by key."""

    def __init__(self, folder: Path) -> None:
        """Read the files, or begin one."""
        if not (folder / OWN).exists():
            write_durably(folder / OWN, secrets.token_bytes(_SIZE))
        self._folder = folder
        self._own = _File(folder / OWN)
        self._files = {file.key: file for file in (*map(_File, foreign_files(folder)), self._own)}

    def add(self, field: str, values: Iterable[str]) -> None:
        """Keep values of a field out from now on."""
        self._own.add({_hash(self._own.key, field, value) for value in values})

    def take(self, forgotten: Forgotten) -> int:
        """Keep out what another store does; return how many hashes are new."""
        file = self._files.get(forgotten.key)
        if file is None:
            path = self._folder / f"{OWN}-{blake2b(forgotten.key, digest_size=8).hexdigest()}"
            write_durably(path, forgotten.key)
            file = self._files[forgotten.key] = _File(path)
        return file.add(set(forgotten.hashes))

    def cover(self, values: Values) -> bool:
        """Tell whether a record was forgotten."""
        return any(
            _hash(file.key, field, str(value)) in file.hashes
            for file in self._files.values()
            if file.hashes
            for field in FIELDS
            for value in values.get(field, ())
        )


def foreign_files(folder: Path) -> list[Path]:
    """Return the files of what was taken over from other stores."""
    return sorted(path for path in folder.glob(f"{OWN}-*") if path.suffix != ".new")


def read_forgotten(folder: Path) -> Iterator[Forgotten]:
    """Yield what a folder's files hold, which its writer may be appending to."""
    for path in (folder / OWN, *foreign_files(folder)):
        if path.exists():
            file = _File(path)
            hashes = sorted(file.hashes)
            for start in range(0, len(hashes), _AT_ONCE):
                yield Forgotten(file.key, hashes[start : start + _AT_ONCE])


class _File:
    """A key, and the hashes that were made with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = path.read_bytes()
        if len(content) < _SIZE:
            raise StoreDamagedError(f"{path} is cut off: restore it from a backup, it says what must not come back")
        self.key = content[:_SIZE]
        # A hash that was cut off by a crash belongs to a call that never returned.
        self._whole = len(content) - len(content) % _SIZE
        self.hashes = {content[at : at + _SIZE] for at in range(_SIZE, self._whole, _SIZE)}

    def add(self, hashes: set[bytes]) -> int:
        """Write down what is new, on disk when the call returns; return how many that were."""
        new = hashes - self.hashes
        with self._path.open("r+b") as file:
            file.seek(self._whole)
            file.write(b"".join(sorted(new)))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        self._whole += len(new) * _SIZE
        self.hashes |= new
        return len(new)


def _hash(key: bytes, field: str, value: str) -> bytes:
    return blake2b(f"{field}\0{value}".encode(), digest_size=_SIZE, key=key).digest()
