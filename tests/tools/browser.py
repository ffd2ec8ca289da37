"""The browser that the console's tests look at it with: a Chromium of this machine, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from typing import Final

from tests.tools.missing import MissingPartError

GET: Final = "install Chromium (apt-get install chromium), or name one in SCORELENS_TEST_BROWSER"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
"""Nothing of them changes a page: no update is looked for, and containers have no sandbox to give."""


def find() -> str:
    """Return the path of the browser. Raises MissingPartError."""
    named = os.environ.get("SCORELENS_TEST_BROWSER", "")
    found = named or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        raise MissingPartError(f"there is no Chromium on the PATH; {GET}")
    return found


def prepare() -> str:
    """Return which one is used. Raises MissingPartError."""
    return f"found: {find()}"
