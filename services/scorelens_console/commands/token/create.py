"""`scorelens console token create`: a token for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from scorelens_console.access.accounts import checked_name
from scorelens_console.access.identity import Role, write_roles
from scorelens_console.access.tokens import Tokens
from scorelens_console.commands.shared import folder_option, json_option, leave_line, roles_option
from scorelens_console.state import State
from scorelens_runtime.settings import duration


@click.command("create")
@roles_option("viewer")
@click.option("--name", required=True, help="Name of the program, which the audit log shows.")
@click.option("--lasts", default="90d", help="How long it can be used.  [default: 90d]")
@folder_option
@json_option
def command(roles: Mapping[str, Role], name: str, lasts: str, folder: Path, as_json: bool) -> None:
    """Make a token, which is shown once and kept as a hash only.

    A program sends it as `Authorization: Bearer TOKEN` with each request to an address below /api/.

    \b
    scorelens console token create --as viewer --name nightly-report
    scorelens console token create --as scientist --name notebook --lasts 7d
    """
    tokens, name, seconds = Tokens(State(folder)), checked_name(name), duration(lasts)
    leave_line(folder, "token_created", program=name, roles=write_roles(roles), lasts=lasts)
    token_id, token = tokens.create(name, roles, seconds)
    if as_json:
        click.echo(json.dumps({"id": token_id, "name": name, "roles": write_roles(roles), "token": token}))
    else:
        click.echo(token)
        click.echo(f"{token_id}: {name}, {write_roles(roles)}, for {lasts}; it is not shown again", err=True)
