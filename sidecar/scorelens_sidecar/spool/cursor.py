"""How far one destination is: a small file that is replaced as a whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import google_crc32c

from scorelens_sidecar.spool.counters import NOTHING, Counts
from scorelens_sidecar.spool.folders import open_private

_VERSION = 1
_FOLDER = "cursors"
_SIZE = 2048


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two records; positions compare by how many records lie before them."""

    index: int = 0  # records appended before this place
    sequence: int = 0  # the sequence number that the next record has at least
    segment: int = 0  # where to look for it; only a hint, the index decides
    offset: int = 0
    damaged: int = 0  # of the records before, how many this destination could not read


@dataclass(frozen=True, slots=True)
class Cursor:
    """What one destination has behind it.

    `baseline` is the spool's account when this destination began; what was before is none of its business.
    `position.index - baseline's appended = acknowledged + expired + damaged` holds at all times, because all of them
    change in one replacement of the file. `rejected` and `dead_letters` are among the acknowledged.
    """

    destination: str
    baseline: Counts = NOTHING
    position: Position = field(default_factory=Position)
    acknowledged: int = 0
    rejected: int = 0
    dead_letters: int = 0
    expired: int = 0

    def acknowledge(self, to: Position, rejected: int = 0, dead: int = 0) -> Cursor:
        """Move on over records that the destination has; a place that was passed already changes nothing."""
        if to <= self.position:
            return self
        return replace(
            self,
            position=to,
            acknowledged=self.acknowledged + self._between(to),
            rejected=self.rejected + rejected,
            dead_letters=self.dead_letters + dead,
        )

    def expire(self, to: Position) -> Cursor:
        """Move on over records that waited too long."""
        if to <= self.position:
            return self
        return replace(self, position=to, expired=self.expired + self._between(to))

    def is_behind_only_damage(self, to: Position) -> bool:
        """Tell whether no good record lies between this cursor and a place behind it."""
        return to > self.position and self._between(to) == 0

    def _between(self, to: Position) -> int:
        return to.index - self.position.index - (to.damaged - self.position.damaged)


def cursor_path(folder: Path, destination: str) -> Path:
    """Name the file of a destination's cursor."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", destination).strip("-.")[:64]
    return folder / _FOLDER / f"{readable}-{hashlib.sha256(destination.encode()).hexdigest()[:8]}.json"


def load(path: Path) -> Cursor | None:
    """Read a cursor; None when there is none or it is damaged."""
    try:
        line, _, checksum = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if checksum.strip() != b"%08x" % google_crc32c.value(line):
        return None
    values = json.loads(line)
    if values.pop("version") != _VERSION:
        return None
    values["baseline"] = tuple(values["baseline"])
    values["position"] = Position(**values["position"])
    return Cursor(**values)


def save(path: Path, cursor: Cursor) -> None:
    """Replace a cursor's file as a whole, on disk before it counts; raises OSError.

    A full disk must not stop a destination, whose progress is what empties the disk: there the file is overwritten in
    place, which takes no new blocks. One small write is not torn by kill -9; a power cut may tear it, and the checksum
    tells.
    """
    line = json.dumps({"version": _VERSION, **asdict(cursor)}, separators=(",", ":")).encode()
    data = (line + b"\n%08x\n" % google_crc32c.value(line)).ljust(_SIZE)
    written = path.with_suffix(".new")
    try:
        _write(written, os.O_CREAT | os.O_TRUNC, data)
        written.replace(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        written.unlink(missing_ok=True)
        _write(path, 0, data)


def _write(path: Path, flags: int, data: bytes) -> None:
    file = open_private(path, os.O_WRONLY | flags)
    try:
        if os.write(file, data) < len(data):
            raise OSError(errno.ENOSPC, "short write")
        os.fsync(file)
    finally:
        os.close(file)


def load_all(folder: Path) -> dict[str, Cursor]:
    """Read the readable cursors of a folder, by destination."""
    found = (load(path) for path in sorted((folder / _FOLDER).glob("*.json")))
    return {cursor.destination: cursor for cursor in found if cursor}


def remove(folder: Path, destination: str) -> None:
    """Forget a destination."""
    with contextlib.suppress(FileNotFoundError):
        cursor_path(folder, destination).unlink()
