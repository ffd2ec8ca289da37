"""`scorelens console token list`: which tokens there are."""

from __future__ import annotations

import time
from pathlib import Path

import click

from scorelens_console.access.identity import write_roles
from scorelens_console.access.tokens import Token, Tokens
from scorelens_console.commands.shared import (
    folder_option,
    json_option,
    moment,
    print_objects,
    print_rows,
    stamp,
)
from scorelens_console.state import State


@click.command("list")
@folder_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """List the tokens, their roles, and when each was last used.

    \b
    scorelens console token list
    scorelens console token list --json
    """
    found = Tokens(State(folder)).all()
    if as_json:
        print_objects(
            {
                "id": token.id,
                "name": token.name,
                "roles": write_roles(token.roles),
                "created": stamp(token.created),
                "expires": stamp(token.expires),
                "used": stamp(token.used),
            }
            for token in found
        )
    elif found:
        rows = ((token.id, token.name, write_roles(token.roles), _end(token), moment(token.used)) for token in found)
        print_rows(("id", "name", "roles", "ends (UTC)", "last used (UTC)"), rows)
    else:
        click.echo("there is no token: scorelens console token create --as viewer --name NAME")


def _end(token: Token) -> str:
    return moment(token.expires) if token.expires > time.time() else "has ended"
