"""`scorelens console token revoke`: a token that is of no more use."""

from __future__ import annotations

from pathlib import Path

import click

from scorelens_console.access.tokens import Tokens
from scorelens_console.commands.shared import folder_option, leave_line
from scorelens_console.state import State
from scorelens_runtime.errors import ScorelensError


@click.command("revoke")
@click.argument("token_id", metavar="ID")
@folder_option
def command(token_id: str, folder: Path) -> None:
    """Let a token be of no more use, from its next request on; `scorelens console token list` shows their ids.

    \b
    scorelens console token revoke 1f0c94ab
    """
    tokens = Tokens(State(folder))
    leave_line(folder, "token_revoked", token=token_id)
    found = tokens.revoke(token_id)
    if found is None:
        raise ScorelensError(f"there is no token {token_id!r}; scorelens console token list shows their ids")
    click.echo(f"revoked {found.id}: {found.name}")
