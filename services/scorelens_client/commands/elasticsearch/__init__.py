"""`scorelens elasticsearch`: what an administrator of the store in Elasticsearch does."""

from __future__ import annotations

import click

from scorelens_runtime.commands import Entry, LazyGroup

_HERE = "scorelens_client.commands.elasticsearch"

# setup: templates, alias and their upgrades; roles: least privilege; reindex: after a change of the mapping
ENTRIES: dict[str, Entry] = {
    "roles": Entry(f"{_HERE}.roles", "client", "Show or create the roles of those who write, read and set up."),
}


@click.group("elasticsearch", cls=LazyGroup, entries=ENTRIES)
def command() -> None:
    """Set Elasticsearch up for records, and look after it.

    \b
    scorelens elasticsearch setup --dry-run      what would be created or changed
    scorelens elasticsearch roles                the least rights of those who write, read and serve the console
    """
