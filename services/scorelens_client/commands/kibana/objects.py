"""`scorelens kibana objects`: the saved objects as a file, for those who import through Kibana's own pages."""

from __future__ import annotations

import sys

import click

from scorelens_client.home import Home
from scorelens_client.kibana.objects import saved_objects, to_ndjson
from scorelens_client.kibana.settings import from_environment
from scorelens_client.kibana.viewing import view_of, view_options
from scorelens_client.options import home_option, store_option
from scorelens_client.terminal import clean, notes


@click.command("objects")
@view_options
@store_option
@home_option
def command(tags: tuple[str, ...], console_url: str | None, store: str | None, home: Home) -> None:
    """Print data view, saved searches and dashboards, one object per line, as Kibana imports them.

    The same view gives the same bytes, so that the file can be kept under version control. In Kibana it is imported in
    Stack Management > Saved Objects > Import, with "Check for existing objects" chosen.

    \b
    scorelens kibana objects > scorelens.ndjson
    scorelens kibana objects --tag complaint --tag praise > scorelens.ndjson      without asking the store
    """
    settings = from_environment(console_url=console_url)
    view = view_of(home, store, tags, settings.console_url, lambda text: notes().print(clean(text), soft_wrap=True))
    sys.stdout.buffer.write(to_ndjson(saved_objects(view)))
