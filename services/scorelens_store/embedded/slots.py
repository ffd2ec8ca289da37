"""Which column of the pool holds which open number field; a small file beside the index."""

from __future__ import annotations

from pathlib import Path

import orjson

from scorelens_store.embedded.files import write_durably
from scorelens_store.embedded.schema import NUMBER_FIELDS
from scorelens_store.errors import StoreDamagedError


class Slots:
    """Names of open number fields and their columns. Names are added and never removed."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one."""
        self._path = path
        self._slots: dict[str, int] = {}
        self._saved = 0
        self.load()

    def load(self) -> None:
        """Read the file again."""
        try:
            names = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return
        except ValueError as exc:
            raise StoreDamagedError(f"{self._path} cannot be read: restore it from a backup ({exc})") from exc
        self._slots = {name: slot for slot, name in enumerate(names)}
        self._saved = len(names)

    def find(self, name: str) -> int | None:
        """Return the column of a name, None where no record has one."""
        return self._slots.get(name)

    def assign(self, name: str) -> int | None:
        """Return the column of a name, a new one if need be, None when the pool is empty."""
        slot = self._slots.get(name)
        if slot is None and len(self._slots) < NUMBER_FIELDS:
            slot = self._slots[name] = len(self._slots)
        return slot

    def save(self) -> None:
        """Write the names down; has to happen before records that use them are committed."""
        if self._saved < len(self._slots):
            write_durably(self._path, orjson.dumps(list(self._slots)))
            self._saved = len(self._slots)
