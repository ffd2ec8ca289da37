"""`scorelens console account remove`: an account that is of no more use."""

from __future__ import annotations

from pathlib import Path

import click

from scorelens_console.access.accounts import normal
from scorelens_console.commands.account import accounts_in, file_option
from scorelens_console.commands.shared import folder_option, leave_line
from scorelens_runtime.errors import ScorelensError


@click.command("remove")
@click.argument("name")
@file_option
@folder_option
def command(name: str, file: Path | None, folder: Path) -> None:
    """Remove an account; whoever is signed in with it is signed out.

    \b
    scorelens console account remove ada
    """
    accounts, name = accounts_in(file, folder), normal(name)
    if name not in accounts.all():
        raise ScorelensError(f"there is no account {name!r}; scorelens console account list shows them")
    leave_line(folder, "account_removed", person=name)
    accounts.remove(name)
    click.echo(f"removed {name}")
