"""What the commands of the console share: where it is, how roles and times are named, and the audit line they leave."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from scorelens_console.access.identity import Identity, Role, read_roles
from scorelens_console.audit import Audit
from scorelens_console.settings import folder_of
from scorelens_runtime.errors import SettingError

METHOD: Final = "command"

folder_option = click.option(
    "--folder",
    default="",
    callback=lambda _context, _option, text: folder_of(text),
    envvar="SCORELENS_CONSOLE_FOLDER",
    help="Folder of the console (SCORELENS_CONSOLE_FOLDER).  [default: SCORELENS_HOME/console]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def roles_option(default: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --as, which names roles."""
    return click.option(
        "--as",
        "roles",
        required=default is None,
        default=default,
        callback=lambda _context, _option, text: _roles(text),
        help="Role for all models, or for single ones: viewer,media-tagger=scientist."
        + (f"  [default: {default}]" if default else ""),
    )


def leave_line(folder: Path, action: str, **what: Any) -> None:
    """Write to the audit log what a command is about to change. Raises AuditError: then it must not."""
    with closing(Audit(folder)) as audit:
        audit.write(Identity(_user(), {}, METHOD), action, "", **what)


def print_rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    lines = [tuple(head), *(tuple(_plain(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_objects(objects: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON object per line."""
    for one in objects:
        click.echo(json.dumps(one, ensure_ascii=False))


def moment(seconds: float) -> str:
    """Return a time for people, in UTC; "never" for 0."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}" if seconds else "never"


def stamp(seconds: float) -> str | None:
    """Return a time for programs."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None


def _roles(text: str) -> Mapping[str, Role]:
    try:
        return read_roles(text)
    except SettingError as error:
        raise SettingError(f"--as: {error}") from error


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this number
        return str(os.getuid())
