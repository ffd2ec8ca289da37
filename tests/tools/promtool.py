"""Prometheus' promtool, from the PATH or from where `.ci/run` has put it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tests.tools.missing import MissingPartError
from tests.tools.places import TOOLS

FOLDER: Final = TOOLS / "prometheus"
GET: Final = "install promtool (Debian's package prometheus) to check the alert rules"


def find() -> Path:
    """Return the program. Raises MissingPartError."""
    found = shutil.which("promtool") or shutil.which("promtool", path=str(FOLDER))
    if not found:
        raise MissingPartError(GET)
    return Path(found)
