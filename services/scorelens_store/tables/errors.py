"""Errors of export folders.

ScorelensError
└── ExportError              a folder cannot be written or read, or is not one
    ├── FolderInUseError     another process writes to it
    └── FolderDamagedError   parts are missing or cannot be read; named in the text
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

from scorelens_runtime.errors import ScorelensError


class ExportError(ScorelensError):
    """An export folder cannot be written or read, or is not one."""


class FolderInUseError(ExportError):
    """Another process writes to the folder."""


class FolderDamagedError(ExportError):
    """Parts are missing or cannot be read."""


_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Translate what a file system refuses."""
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or str(exc)
        if exc.errno in _FULL:
            raise ExportError(
                f"no room to write in {folder} ({reason}): what was exported so far is whole; free some space, and the "
                "same command goes on from there"
            ) from exc
        raise ExportError(f"{folder} cannot be written to: {reason}") from exc


@contextmanager
def reading(part: Path) -> Iterator[None]:
    """Translate what is wrong with a part."""
    try:
        yield
    except FileNotFoundError as exc:
        raise FolderDamagedError(f"{part} is missing") from exc
    except (pa.ArrowException, OSError) as exc:
        lines = str(exc).splitlines() or [type(exc).__name__]
        raise FolderDamagedError(f"{part} cannot be read ({lines[0]})") from exc
