"""`scorelens kibana open`: a page of Kibana, in the browser where there is one."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from scorelens_client.home import Home
from scorelens_client.options import chosen, home_option, purpose_options, store_option, time_options
from scorelens_client.reading import open_store, store_of
from scorelens_client.terminal import notes
from scorelens_reading.histories import find_history
from scorelens_reading.kibana.links import Kibana, caveats_of, kibana_of
from scorelens_reading.kibana.settings import from_environment
from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_store.contract import Selection
from scorelens_store.query.parse import parse


@click.command("open")
@click.argument("document_id", required=False)
@click.option("--query", metavar="QUERY", help="Open Discover with a query, as `scorelens search` reads it.")
@click.option("--url", metavar="URL", help="Address of Kibana with its base path.  [SCORELENS_KIBANA_URL]")
@click.option("--space", metavar="ID", help="Space with the views.  [SCORELENS_KIBANA_SPACE; default: the default one]")
@click.option("--print", "only_print", is_flag=True, help="Print the address and open nothing.")
@time_options
@purpose_options
@store_option
@home_option
def command(
    document_id: str | None,
    query: str | None,
    url: str | None,
    space: str | None,
    only_print: bool,
    since: datetime | None,
    until: datetime | None,
    purposes: tuple[str, ...],
    calls: bool,
    store: str | None,
    home: Home,
) -> None:
    """Open Kibana: the data scientist's dashboard, one document with all of its scores, or a query.

    The address is printed; in a terminal, the browser is opened as well.

    \b
    scorelens kibana open
    scorelens kibana open d-17
    scorelens kibana open --query 'refund AND score.complaint:[0.45 TO 0.55]' --since 7d
    """
    if document_id and query is not None:
        raise SettingError("name a document or --query, and not both")
    kibana = kibana_of(store_of(home, store), from_environment(url=url, space=space))
    if document_id:
        address = _document(kibana, home, store, document_id)
    elif query is not None or since or until:
        selection = Selection(parse(query or ""), since, until, chosen(purposes), calls)
        address = kibana.of_selection(selection)
        for caveat in caveats_of(selection):
            notes().print(caveat, soft_wrap=True)
    else:
        address = kibana.dashboard("model")
    click.echo(address)
    if sys.stdout.isatty() and not only_print:
        click.launch(address)


def _document(kibana: Kibana, home: Home, store: str | None, name: str) -> str:
    with open_store(home, store) as reader:
        records, total = find_history(reader, name)
    if not records:
        raise ScorelensError(f"no record of a document {name!r} is stored; a score takes a moment to arrive")
    return kibana.of_document(records, total)
