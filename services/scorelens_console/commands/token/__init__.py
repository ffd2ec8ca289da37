"""`scorelens console token`: how programs sign in."""

from __future__ import annotations

from typing import Final

import click

from scorelens_runtime.commands import Entry, LazyGroup

_HERE: Final = "scorelens_console.commands.token"

ENTRIES: Final = {
    "create": Entry(f"{_HERE}.create", "console", "Make a token."),
    "list": Entry(f"{_HERE}.list_", "console", "List the tokens, and when each was last used."),
    "revoke": Entry(f"{_HERE}.revoke", "console", "Let a token be of no more use."),
}


@click.group("token", cls=LazyGroup, entries=ENTRIES)
def command() -> None:
    """Tokens by which programs use the console's API, with roles of their own.

    \b
    scorelens console token create --as viewer --name nightly-report
    scorelens console token list
    scorelens console token revoke 1f0c94ab
    """
