"""`scorelens kibana`: the views of records in Kibana."""

from __future__ import annotations

import click

from scorelens_runtime.commands import Entry, LazyGroup

_HERE = "scorelens_client.commands.kibana"

ENTRIES: dict[str, Entry] = {
    "import": Entry(f"{_HERE}.import_", "client", "Bring data view, searches and dashboards into a Kibana."),
    "objects": Entry(f"{_HERE}.objects", "client", "Print them as a file that Kibana's own pages import."),
    "open": Entry(f"{_HERE}.open", "client", "Open a dashboard, a document or a query in Kibana."),
}


@click.group("kibana", cls=LazyGroup, entries=ENTRIES)
def command() -> None:
    """Look at records in Kibana.

    SCORELENS_KIBANA_URL names it once for all of these; with it, `scorelens show` and `search` print links as well.

    \b
    scorelens kibana import --url https://kibana.example:5601     data view, searches and dashboards
    scorelens kibana open                                         the data scientist's dashboard
    scorelens kibana open d-17                                    one document
    """
