"""Where output goes: results to standard output, everything about the run to standard error. Needs rich."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

PIPE_WIDTH: Final = 120
CONTROLS: Final = {
    number: "\N{REPLACEMENT CHARACTER}" for number in (*range(32), *range(127, 160)) if chr(number) not in "\t\n"
}


def results() -> Console:
    """Return the console of what was asked for."""
    return _console(sys.stdout)


def notes() -> Console:
    """Return the console of progress and of what went wrong."""
    return _console(sys.stderr)


def print_json(value: Mapping[str, Any]) -> None:
    """Write one JSON line to standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def clean(text: str) -> str:
    """Make foreign text harmless to a terminal: control characters cannot move the cursor or set a title.

    A carriage return before a line feed is part of the line end and left out.
    """
    return text.replace("\r\n", "\n").translate(CONTROLS)


def _console(stream: Any) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False, soft_wrap=False)
