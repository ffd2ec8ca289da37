"""Segment files: their names, their headers, and the good records in them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scorelens_sidecar.spool.edits import being_replaced
from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.folders import open_private
from scorelens_sidecar.spool.format import (
    MOST_HEADER,
    PREFIX,
    SEGMENT_HEADER_SIZE,
    FormatError,
    SegmentHeader,
    VersionError,
    is_whole,
    place,
    unpack_segment_header,
)

_SUFFIX = ".segment"
_WINDOW = 256 * 2**10
_MARKER_SIZE = 4
_TRIES = 3


def segment_path(folder: Path, number: int) -> Path:
    """Name the file of a segment."""
    return folder / f"{number:016d}{_SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    """List the numbers of the segments in a folder, oldest first; none when the folder is missing."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 (looked at often)
    except FileNotFoundError:
        return []
    stems = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
    return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit())


@dataclass(frozen=True, slots=True)
class Entry:
    """A good record: where it stands in its segment, its numbers, and its body."""

    offset: int
    end: int
    sequence: int
    index: int
    body: bytes


class Segment:
    """A segment opened for reading.

    `header` is None when its bytes are damaged; records are found all the same by the marker of the first one.
    Raises FileNotFoundError when it is gone, SpoolError when another version wrote it.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.path = segment_path(folder, number)
        self.number = number
        self._file = open_private(self.path, os.O_RDONLY)
        try:
            self.header = self._read_header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Segment:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._file).st_size

    @property
    def complete_header(self) -> bool:
        """Whether the file is long enough to have a header at all."""
        return self.size >= SEGMENT_HEADER_SIZE

    def first_index(self) -> int | None:
        """How many records were appended before this segment; None when neither header nor records can tell."""
        if self.header:
            return self.header.index
        first = next(self.entries(), None)
        return first.index if first else None

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def entries(self, offset: int = SEGMENT_HEADER_SIZE) -> Iterator[Entry]:
        """Yield the good records at and behind an offset, and pass over what is damaged between them."""
        marker = self.marker
        if marker is None:
            return
        window = _Window(self._file)
        while True:
            entry = _entry_at(window, offset, marker) or self._replaced(window, offset, marker)
            if entry is None:
                found = _next_marker(window, offset + 1, marker)
                if found is None:
                    return
                offset = found
                continue
            yield entry
            offset = entry.end

    def _replaced(self, window: _Window, offset: int, marker: bytes) -> Entry | None:
        """Return the record at an offset that was being replaced when it was read; None for any that is damaged."""
        if window.at(offset, _MARKER_SIZE) != marker:
            return None
        for _ in range(_TRIES):
            data = being_replaced(self.path).get(offset, b"")
            # Not among them: then it may have been replaced since it was read.
            found = _entry_of(data, offset, marker) or _entry_at(_Window(self._file), offset, marker)
            if found:
                return found
        return None

    @property
    def marker(self) -> bytes | None:
        """The bytes that every record starts with; None while there is none."""
        marker = self.header.marker if self.header else os.pread(self._file, _MARKER_SIZE, SEGMENT_HEADER_SIZE)
        return marker if len(marker) == _MARKER_SIZE and any(marker) else None

    def _read_header(self) -> SegmentHeader | None:
        try:
            return unpack_segment_header(os.pread(self._file, MOST_HEADER, 0))
        except VersionError as error:
            raise SpoolError(
                f"{self.path} {error}: use the version of scorelens that wrote it, or move the folder away"
            ) from error
        except FormatError:
            return None


def segments_from(folder: Path, number: int = 0) -> Iterator[Segment]:
    """Open the segments from a number on, one after the other; those that are deleted meanwhile are left out."""
    for each in segment_numbers(folder):
        if each >= number:
            with contextlib.suppress(FileNotFoundError), Segment(folder, each) as segment:
                yield segment


class _Window:
    """Serves ranges of a file from one buffer, so that small records do not cost a read each."""

    def __init__(self, file: int) -> None:
        self._file, self._start, self._data = file, 0, b""

    def at(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end of the file."""
        begin = offset - self._start
        if begin < 0 or begin + size > len(self._data):
            self._start, self._data, begin = offset, self._read(offset, max(size, _WINDOW)), 0
        return self._data[begin : begin + size]

    def rest(self, offset: int) -> bytes:
        """Return what follows an offset, at most a window of it; less than a marker only at the end of the file."""
        self.at(offset, _MARKER_SIZE)
        return self._data[offset - self._start :]

    def _read(self, offset: int, size: int) -> bytes:
        # A damaged length must not make us ask for gigabytes.
        left = os.fstat(self._file).st_size - offset
        return os.pread(self._file, min(size, left), offset) if left > 0 else b""


def _entry_at(window: _Window, offset: int, marker: bytes) -> Entry | None:
    prefix = window.at(offset, PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    found, length, checksum = PREFIX.unpack(prefix)
    if found != marker:
        return None
    body = window.at(offset + PREFIX.size, length)
    if not is_whole(body, length, checksum):
        return None
    return Entry(offset, offset + PREFIX.size + length, *place(body), body)


def _entry_of(record: bytes, offset: int, marker: bytes) -> Entry | None:
    if len(record) < PREFIX.size or not record.startswith(marker):
        return None
    _, length, checksum = PREFIX.unpack_from(record)
    body = record[PREFIX.size :]
    return Entry(offset, offset + len(record), *place(body), body) if is_whole(body, length, checksum) else None


def _next_marker(window: _Window, offset: int, marker: bytes) -> int | None:
    while len(data := window.rest(offset)) >= _MARKER_SIZE:
        found = data.find(marker)
        if found >= 0:
            return offset + found
        offset += len(data) - _MARKER_SIZE + 1
    return None
