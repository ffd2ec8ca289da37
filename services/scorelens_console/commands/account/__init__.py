"""`scorelens console account`: who signs in by name and password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from scorelens_console.access.accounts import Accounts
from scorelens_runtime.commands import Entry, LazyGroup

_HERE: Final = "scorelens_console.commands.account"

ENTRIES: Final = {
    "add": Entry(f"{_HERE}.add", "console", "Add an account, or give one other roles or another password."),
    "list": Entry(f"{_HERE}.list_", "console", "List the accounts."),
    "remove": Entry(f"{_HERE}.remove", "console", "Remove an account."),
}


@click.group("account", cls=LazyGroup, entries=ENTRIES)
def command() -> None:
    """Accounts of a console that is served with --sign-in accounts; changes take effect at once.

    \b
    scorelens console account add ada --as scientist
    scorelens console account list
    scorelens console account remove ada
    """


def file_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --accounts, the file of accounts."""
    return click.option(
        "--accounts",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="SCORELENS_CONSOLE_ACCOUNTS",
        help="File of accounts (SCORELENS_CONSOLE_ACCOUNTS).  [default: accounts.json in the console's folder]",
    )(function)


def accounts_in(file: Path | None, folder: Path) -> Accounts:
    """Return the accounts that a command is about."""
    return Accounts(file.expanduser().absolute() if file else folder / "accounts.json")
