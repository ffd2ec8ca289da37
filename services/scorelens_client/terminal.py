"""Where output goes: results to standard output, everything about the run to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

PIPE_WIDTH = 120
START, END = "\x02", "\x03"
CONTROLS = {
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


def progress(console: Console, unit: str) -> Progress:
    """Return a bar that shows share, count, rate and the time left; nothing where nobody watches."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]:,} " + unit),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        disable=not console.is_terminal,
    )


def counted(console: Console) -> Progress:
    """Return a bar for a known number of things."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        disable=not console.is_terminal,
    )


def clean(text: str) -> str:
    """Make foreign text harmless to a terminal: control characters cannot move the cursor or set a title."""
    return text.translate(CONTROLS)


def marked(snippet: str, style: str = "bold yellow", plain: str = "**") -> Text:
    """Style the parts of a snippet between U+0002 and U+0003; without colours they stand between asterisks."""
    text = Text()
    for place, part in enumerate(snippet.split(START)):
        inside, end, after = part.partition(END)
        if place == 0 or not end:
            text.append(clean(part.replace(END, "")))
        else:
            mark = "" if has_colour() else plain
            text.append(f"{mark}{clean(inside)}{mark}", style)
            text.append(clean(after))
    return text


def has_colour() -> bool:
    """Tell whether standard output shows colours."""
    return results().color_system is not None


def _console(stream: Any) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False, soft_wrap=False)
