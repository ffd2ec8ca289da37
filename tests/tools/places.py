"""Where fetched and built parts are kept, and one process at a time fetching them."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TOOLS: Final = ROOT / ".tools"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Let one process at a time prepare the part of this name; the others wait for it."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
