"""Replacing records where they stand, with others of the same length, while relay and shippers go on.

What replaces the records of a segment is first written whole into a file beside it, `.edit`, then over the records, and
then the file goes. A reader that meets a record in between, whose checksum is wrong, takes it from the file, or finds
that it has been replaced meanwhile (segments.py). So a kill at any moment costs no record, and the next edit completes
what was begun. Only records that the account counts may be replaced: the relay touches those no more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from scorelens_sidecar.spool.folders import open_private

LOCK = "edit.lock"
_SUFFIX = ".edit"
_ENTRY = struct.Struct("<QI")  # offset in the segment, size of the record


@contextlib.contextmanager
def editing(folder: Path) -> Iterator[None]:
    """Be the only one who replaces records of a folder, once what another one left undone is complete.

    Raises OSError.
    """
    file = open_private(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        for begun in sorted(folder.glob(f"*{_SUFFIX}")):
            _complete(begun.with_suffix(""))
        yield
    finally:
        os.close(file)


def replace_records(segment: Path, records: Mapping[int, bytes]) -> None:
    """Replace the records at these offsets; to be called within `editing`.

    Raises OSError; a segment that was deleted meanwhile is no error.
    """
    data = b"".join(_ENTRY.pack(offset, len(record)) + record for offset, record in records.items())
    new = segment.with_name(segment.name + ".new")
    with _opened(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
        _write(file, data, 0)
        os.fsync(file)
    new.replace(_edit_path(segment))
    _sync_folder(segment.parent)
    _complete(segment)


def being_replaced(segment: Path) -> dict[int, bytes]:
    """Return the records that replace others of a segment just now, by offset."""
    try:
        data = _edit_path(segment).read_bytes()
    except FileNotFoundError:
        return {}
    found, at = {}, 0
    while at < len(data):
        offset, size = _ENTRY.unpack_from(data, at)
        at += _ENTRY.size + size
        found[offset] = data[at - size : at]
    return found


def _complete(segment: Path) -> None:
    with contextlib.suppress(FileNotFoundError), _opened(segment, os.O_WRONLY) as file:
        size = os.fstat(file).st_size
        for offset, record in being_replaced(segment).items():
            if offset + len(record) <= size:  # a power cut may have taken the end of a segment
                _write(file, record, offset)
        os.fsync(file)
    _edit_path(segment).unlink(missing_ok=True)


def _edit_path(segment: Path) -> Path:
    return segment.with_name(segment.name + _SUFFIX)


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    file = open_private(path, flags)
    try:
        yield file
    finally:
        os.close(file)


def _write(file: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest, offset = rest[written:], offset + written


def _sync_folder(folder: Path) -> None:
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as file:
        os.fsync(file)
