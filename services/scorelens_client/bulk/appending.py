"""A file of one's own that grows, and can be cut back to a position that was noted."""

from __future__ import annotations

import os
from pathlib import Path

from scorelens_runtime.errors import ScorelensError


class Appending:
    """A file for its owner only; `position` is the bytes that it has."""

    def __init__(self, path: Path, position: int, option: str) -> None:
        """Open it and cut off what is behind the position. Raises ScorelensError, also where it is shorter."""
        self.path, self.position, self._option = path, position, option
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            size = os.fstat(self._file).st_size
            if size >= position:
                os.ftruncate(self._file, position)
                os.fchmod(self._file, 0o600)
        except OSError as error:
            raise self._failed(error) from error
        if size < position:
            os.close(self._file)
            raise ScorelensError(f"{path} is shorter than when the run was interrupted: score all anew with --restart")

    def write(self, content: bytes) -> None:
        """Write everything. Raises ScorelensError."""
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise self._failed(error) from error
        self.position += len(content)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _failed(self, error: OSError) -> ScorelensError:
        return ScorelensError(f"cannot write {self.path} ({self._option}): {error.strerror}")
