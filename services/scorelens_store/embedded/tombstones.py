"""What was forgotten, as keyed hashes in an append-only file: enough to refuse it, too little to read it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from scorelens_store.embedded.files import write_durably
from scorelens_store.errors import StoreDamagedError
from scorelens_store.values import Values

FIELDS: Final = ("record.id", "document.id", "customer.id")
"""Fields by whose values records are forgotten."""

_SIZE: Final = 16


class Tombstones:
    """Hashes of the ids that are kept out; the file begins with the key."""

    def __init__(self, path: Path) -> None:
        """Read the file, or begin one."""
        self._path = path
        if not path.exists():
            write_durably(path, secrets.token_bytes(_SIZE))
        content = path.read_bytes()
        if len(content) < _SIZE:
            raise StoreDamagedError(f"{path} is cut off: restore it from a backup, it says what must not come back")
        self._key = content[:_SIZE]
        # A hash that was cut off by a crash belongs to a call that never returned.
        self._whole = len(content) - len(content) % _SIZE
        self._hashes = {content[at : at + _SIZE] for at in range(_SIZE, self._whole, _SIZE)}

    def add(self, field: str, values: Iterable[str]) -> None:
        """Keep values of a field out from now on."""
        hashes = {self._hash(field, value) for value in values} - self._hashes
        with self._path.open("r+b") as file:
            file.seek(self._whole)
            file.write(b"".join(sorted(hashes)))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        self._whole += len(hashes) * _SIZE
        self._hashes |= hashes

    def cover(self, values: Values) -> bool:
        """Tell whether a record was forgotten."""
        if not self._hashes:
            return False
        return any(self._hash(field, str(value)) in self._hashes for field in FIELDS for value in values.get(field, ()))

    def _hash(self, field: str, value: str) -> bytes:
        return blake2b(f"{field}\0{value}".encode(), digest_size=_SIZE, key=self._key).digest()
