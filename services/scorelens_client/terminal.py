"""Where output goes: results to standard output, everything about the run to standard error."""

from __future__ import annotations

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
from rich.style import Style
from rich.text import Text

from scorelens_runtime.terminal import CONTROLS, PIPE_WIDTH, clean, notes, print_json, results

__all__ = [
    "CONTROLS",
    "END",
    "PIPE_WIDTH",
    "START",
    "clean",
    "counted",
    "has_colour",
    "marked",
    "notes",
    "print_json",
    "print_link",
    "progress",
    "results",
]

START, END = "\x02", "\x03"


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


def print_link(console: Console, label: str, address: str) -> None:
    """Print an address: whole where it is read by a machine, its beginning as a link where a terminal shows links."""
    text = Text(f"{label}: ", "dim")
    if console.is_terminal and console.color_system is not None:
        text.append(address.partition("#")[0], Style(link=address, underline=True, dim=False))
    else:
        text.append(address)
    console.print(text, soft_wrap=True)


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
