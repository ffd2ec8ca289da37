"""The folder where a system on one machine keeps what must survive a restart."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def default_home() -> Path:
    """Return SCORELENS_HOME, or the place where this operating system keeps an application's data."""
    named = os.environ.get("SCORELENS_HOME")
    if named:
        return Path(named).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "scorelens"
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "scorelens"
