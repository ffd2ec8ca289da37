"""`scorelens console` and its commands."""

from __future__ import annotations

from typing import Final

import click

from scorelens_runtime.commands import Entry, LazyGroup

_HERE: Final = "scorelens_console.commands"

ENTRIES: Final = {
    "serve": Entry(f"{_HERE}.serve", "console", "Serve the web console."),
    "link": Entry(f"{_HERE}.link", "console", "Make a link that signs somebody in once."),
    "account": Entry(f"{_HERE}.account", "console", "Add, list and remove accounts with passwords."),
    "token": Entry(f"{_HERE}.token", "console", "Create, list and revoke tokens for programs."),
    "sessions": Entry(f"{_HERE}.sessions", "console", "List who is signed in, and sign people out."),
}


@click.group("console", cls=LazyGroup, entries=ENTRIES)
def command() -> None:
    """Look at documents in a browser: tagged for end users, with the calculation against each for data scientists.

    \b
    scorelens console serve                  on this machine; `scorelens up` and `scorelens demo` start it as well
    scorelens console link --as scientist    a link that signs in once
    scorelens console account add ada --as viewer --folder FOLDER       for a console that others reach, too
    """
