"""A folder for the sockets by which the processes of one server talk to each other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scorelens_runtime.errors import ScorelensError


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that nobody else can enter, for the block. Raises ScorelensError where there is no room for one.

    It is not among a server's own files, whose names may be longer than a socket's may be.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="scorelens-")
    except OSError as error:
        raise ScorelensError(
            "there is no folder for temporary files that can be written, and --admin needs one: name one in TMPDIR"
        ) from error
    with folder as name:
        yield Path(name)
