"""`scorelens console account list`: who has an account."""

from __future__ import annotations

from pathlib import Path

import click

from scorelens_console.access.identity import write_roles
from scorelens_console.commands.account import accounts_in, file_option
from scorelens_console.commands.shared import folder_option, json_option, print_objects, print_rows


@click.command("list")
@file_option
@folder_option
@json_option
def command(file: Path | None, folder: Path, as_json: bool) -> None:
    """List the accounts and their roles.

    \b
    scorelens console account list
    scorelens console account list --json
    """
    found = [(account.name, write_roles(account.roles)) for account in accounts_in(file, folder).all().values()]
    if as_json:
        print_objects({"name": name, "roles": roles} for name, roles in found)
    elif found:
        print_rows(("name", "roles"), found)
    else:
        click.echo("there is no account yet: scorelens console account add NAME --as viewer")
