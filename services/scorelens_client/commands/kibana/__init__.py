"""`scorelens kibana`: the views of records in Kibana."""

from __future__ import annotations

import click

from scorelens_runtime.commands import Entry, LazyGroup

_HERE = "scorelens_client.commands.kibana"

ENTRIES: dict[str, Entry] = {}


@click.group("kibana", cls=LazyGroup, entries=ENTRIES)
def command() -> None:
    """Look at records in Kibana.

    \b
    scorelens kibana import --url https://kibana.example:5601     data view, searches and dashboards
    """
