"""A file of one's own that grows, and can be cut back to a position that was noted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scorelens_client.bulk.holding import hold
from scorelens_runtime.errors import ScorelensError


class Appending:
    """A file for its owner only, which one process at a time writes to; `position` is the bytes that it has.

    What is no file on a disk, such as /dev/null, is only written to.
    """

    def __init__(self, path: Path, position: int, option: str) -> None:
        """Open it and cut off what is behind the position. Raises ScorelensError, also where it is shorter."""
        self.path, self.position, self._option = path, position, option
        try:
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):
                self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                return
            self._file = hold(path)
            size = os.fstat(self._file).st_size
            if size >= position:
                os.ftruncate(self._file, position)
                os.fchmod(self._file, 0o600)
        except BlockingIOError:
            raise ScorelensError(f"{path} ({option}) is being written by another run: name another file") from None
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
