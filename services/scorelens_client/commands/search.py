"""`scorelens search`: find documents by their words, scores and reasons."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console

from scorelens_client.home import Home
from scorelens_client.kibana.links import LONGEST, Kibana, caveats_of, linked
from scorelens_client.listing import print_hit
from scorelens_client.options import chosen, home_option, json_option, purpose_options, store_option, time_options
from scorelens_client.reading import open_store, store_of
from scorelens_client.sdk.selecting import sort_of
from scorelens_client.terminal import clean, notes, print_json, print_link, results
from scorelens_client.when import now
from scorelens_reading.hints import why_nothing
from scorelens_store.contract import Selection
from scorelens_store.query.parse import parse


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(0), default=10, help="How many to show; 0 only counts.  [default: 10]")
@click.option(
    "--sort",
    metavar="FIELD[:asc]",
    help="Order by a field, the greatest first; :asc turns it round.  [default: relevance, then the latest]",
)
@time_options
@purpose_options
@store_option
@json_option("Print one whole record per line.")
@home_option
def command(
    query: tuple[str, ...],
    limit: int,
    sort: str | None,
    since: datetime | None,
    until: datetime | None,
    purposes: tuple[str, ...],
    calls: bool,
    store: str | None,
    as_json: bool,
    home: Home,
) -> None:
    """Search documents, scores and reasons, in Lucene syntax.

    \b
    scorelens search mortgage                             words of title and text
    scorelens search '"still no refund"'                  a phrase
    scorelens search 'refund AND NOT tag:complaint'       what the model missed?
    scorelens search 'score.complaint:>0.7 AND kind:tweet' --sort score.complaint
    scorelens search 'score.complaint:[0.45 TO 0.55]'     close to the threshold
    scorelens search 'because:"complaint:refund"'         tagged for this reason
    scorelens search 'audience:>10000 AND tag:negative' --since 7d
    scorelens search '*' --limit 0                        how many there are

    Fields: kind, id, title, text, tag, score.TAG, margin.TAG, threshold.TAG, because, audience, author, source,
    language, customer, model, version, published, time, attributes.NAME, label.NAME, flags, status, duration.
    """
    selection = Selection(parse(" ".join(query), now()), since, until, chosen(purposes), calls)
    order = sort_of(sort, "--sort")
    with open_store(home, store) as reader:
        for page in reader.pages(selection, limit=limit, sort=order, highlight=not as_json):
            for hit in page.hits:
                if as_json:
                    print_json(hit.record)
                else:
                    print_hit(results(), hit)
            total = page.total
        hints = list(why_nothing(reader, selection)) if total == 0 else []
    shown = min(limit, total)
    text = f"{total:,} document{'' if total == 1 else 's'} match{'es' if total == 1 else ''}"
    console = notes()
    console.print(text if shown == total else f"{text}, {shown:,} shown", style="bold")
    for hint in hints:
        console.print(clean(hint), soft_wrap=True)
    if not as_json and (kibana := linked(store_of(home, store))):
        _print_link(console, kibana, selection)


def _print_link(console: Console, kibana: Kibana, selection: Selection) -> None:
    address = kibana.of_selection(selection)
    if len(address) > LONGEST:
        console.print("the query is too long for an address of Kibana", style="dim")
        return
    print_link(console, "in Kibana", address)
    for caveat in caveats_of(selection):
        console.print(f"  {caveat}", style="dim", soft_wrap=True)
