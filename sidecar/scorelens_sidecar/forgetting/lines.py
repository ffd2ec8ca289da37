"""Lines of JSON taken out of files that others append to and rotate.

A line is overwritten with spaces where it stands, so that no place, size or inode that anybody holds on to changes, and
no earlier copy stays behind. Spaces are written from the line's beginning on; a line whose overwriting was cut off by a
crash is therefore no JSON any more. Nobody can read such a line, so every line that is no JSON is overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import orjson

Concerned = Callable[[dict[str, Any]], bool]
Listed = Callable[[], Sequence[Path]]


def blank_lines(
    listed: Listed,
    concerned: Concerned,
    *,
    still: AbstractContextManager[None] | None = None,
    dry_run: bool = False,
) -> int:
    """Overwrite the lines that are concerned; return how many there were.

    Files are listed and all of them opened within `still`, which holds off whoever appends and rotates: a rotation
    amid it would move lines to a name that was not listed. Raises OSError.
    """
    with ExitStack() as stack:
        with still or nullcontext():
            files = [stack.enter_context(file) for path in listed() if (file := _opened(path, dry_run))]
        return sum(_blank(file, concerned, dry_run) for file in files)


def _opened(path: Path, dry_run: bool) -> BinaryIO | None:
    try:
        return path.open("rb" if dry_run else "r+b")
    except FileNotFoundError:
        return None


def _blank(file: BinaryIO, concerned: Concerned, dry_run: bool) -> int:
    found = changed = 0
    for start, line in _lines(file):
        read = _read(line)
        is_concerned = read is not None and concerned(read)
        found += is_concerned
        if not dry_run and (is_concerned or (read is None and line.strip())):
            _overwrite(file.fileno(), start, len(line) - 1)
            changed += 1
    if changed:
        os.fsync(file.fileno())
    return found


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines and where they begin; what has no end yet is still being written."""
    start = 0
    for line in file:
        if line.endswith(b"\n"):
            yield start, line
        start += len(line)


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        read = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None


def _overwrite(file: int, start: int, size: int) -> None:
    rest = memoryview(b" " * size)
    while rest:
        written = os.pwrite(file, rest, start)
        rest, start = rest[written:], start + written
