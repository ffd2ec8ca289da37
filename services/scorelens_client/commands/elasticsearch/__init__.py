"""`scorelens elasticsearch`: what an administrator of the store in Elasticsearch does."""

from __future__ import annotations

import click

from scorelens_runtime.commands import Entry, LazyGroup

_HERE = "scorelens_client.commands.elasticsearch"

ENTRIES: dict[str, Entry] = {
    "setup": Entry(f"{_HERE}.setup", "client", "Create or upgrade templates, alias and fields; --dry-run shows it."),
    "reindex": Entry(f"{_HERE}.reindex", "client", "Index records anew after a change of the mapping, losing nothing."),
    "roles": Entry(f"{_HERE}.roles", "client", "Show or create the roles of those who write, read and set up."),
}


@click.group("elasticsearch", cls=LazyGroup, entries=ENTRIES)
def command() -> None:
    """Set Elasticsearch up for records, and look after it.

    The indexer sets up what it needs by itself where its rights allow. These commands are for whoever runs the server.

    \b
    scorelens elasticsearch setup --dry-run      what would be created or changed
    scorelens elasticsearch setup                do so: after an upgrade, and after a change of settings
    scorelens elasticsearch reindex --all-old    what setup cannot change in place
    scorelens elasticsearch roles                the least rights of those who write, read and serve the console
    """
