"""What was forgotten in a sidecar's folder, as keyed hashes: enough to keep it out, too little to read it.

Whoever appends ids to a file of the folder does so within `appending`, a shared lock, and asks `covers` there; new
hashes are added under the exclusive one. So once `add` has returned, no line appended later names what was forgotten,
every line appended before is in a file to be found, and one pass over the files removes the last of them. Files that
are rotated are listed and opened within `still`, since a rotation belongs to appending.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from scorelens_sidecar.forgetting.wanted import KINDS, Wanted
from scorelens_sidecar.spool.folders import open_private

FILE = "forgotten"
LOCK = "forgotten.lock"
_SIZE = 16


class Tombstones:
    """The hashes of a folder; the file begins with the key. For any number of processes and threads."""

    def __init__(self, folder: Path) -> None:
        self._path, self._lock = folder / FILE, folder / LOCK
        self._stamp: tuple[int, int] | None = None
        self._key = b""
        self._hashes: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def refresh(self) -> None:
        """Read what other processes have added; raises OSError."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return
        if (stat.st_ino, stat.st_size) != self._stamp:
            content = self._path.read_bytes()
            if len(content) < _SIZE:
                return
            # A hash that was cut off by a crash belongs to a call that never returned.
            hashes = frozenset(content[at : at + _SIZE] for at in range(_SIZE, len(content) - _SIZE + 1, _SIZE))
            self._key, self._hashes = content[:_SIZE], hashes
            self._stamp = stat.st_ino, stat.st_size

    def covers(self, record_id: str, document_id: str, customer_id: str) -> bool:
        """Tell whether something with these ids was forgotten, as far as is known here; empty ids say nothing."""
        if not self._hashes:
            return False
        ids = zip(KINDS, (record_id, document_id, customer_id), strict=True)
        return any(self._hash(kind, one) in self._hashes for kind, one in ids if one)

    @contextmanager
    def appending(self) -> Iterator[None]:
        """Hold off new hashes, and know all that there are; raises OSError."""
        with self._locked(fcntl.LOCK_SH):
            self.refresh()
            yield

    @contextmanager
    def still(self) -> Iterator[None]:
        """Hold off whoever appends, and so all rotations; raises OSError."""
        with self._locked(fcntl.LOCK_EX):
            yield

    def add(self, wanted: Wanted) -> None:
        """Keep ids out from now on, on disk when it returns; raises OSError."""
        with self._locked(fcntl.LOCK_EX):
            self.refresh()
            file = open_private(self._path, os.O_RDWR | os.O_CREAT)
            try:
                if not self._key:
                    self._key = secrets.token_bytes(_SIZE)
                    os.pwrite(file, self._key, 0)
                hashes = {self._hash(kind, one) for kind in KINDS for one in getattr(wanted, kind)}
                whole = _SIZE * (1 + len(self._hashes))
                os.pwrite(file, b"".join(sorted(hashes - self._hashes)), whole)
                os.fsync(file)
            finally:
                os.close(file)
            self.refresh()

    def _hash(self, kind: str, one: str) -> bytes:
        return blake2b(f"{kind}\0{one}".encode(errors="surrogatepass"), digest_size=_SIZE, key=self._key).digest()

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        file = open_private(self._lock, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file, how)
            yield
        finally:
            os.close(file)
