"""`scorelens search`: find documents by their words, scores and reasons."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from scorelens_client.home import Home
from scorelens_client.listing import print_hit
from scorelens_client.options import chosen, home_option, json_option, purpose_options, source_options, time_options
from scorelens_client.reading import Source, open_source, store_of
from scorelens_client.sdk.files import check, save
from scorelens_client.sdk.progress import watched
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.selecting import sort_of
from scorelens_client.sdk.tables import FORMS, Form
from scorelens_client.system import stop_on_signals
from scorelens_client.terminal import clean, notes, print_json, print_link, results
from scorelens_client.when import now
from scorelens_reading.hints import why_nothing
from scorelens_reading.kibana.links import LONGEST, Kibana, caveats_of, linked
from scorelens_store.contract import Reader, Selection, Sort
from scorelens_store.query.parse import parse


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option(
    "--limit",
    type=click.IntRange(0),
    help="How many to show, or to write; 0 only counts.  [default: 10, and all with --output]",
)
@click.option(
    "--sort",
    metavar="FIELD[:asc]",
    help="Order by a field, the greatest first; :asc turns it round.  "
    "[default: relevance, then the latest; in a file of all, time]",
)
@click.option(
    "--output",
    metavar="FILE",
    help="Write what matches to a .jsonl, .csv, .parquet or .arrow file instead of showing it.",
)
@click.option(
    "--table",
    type=click.Choice(FORMS),
    help="Rows of the file: one per document, per tag, or per term of a calculation.  "
    "[default: documents; a .jsonl has whole records]",
)
@click.option(
    "--score", "tags", multiple=True, metavar="TAG", help="Add a column score.TAG to the documents; may be repeated."
)
@time_options
@purpose_options
@source_options
@json_option("Print one whole record per line.")
@home_option
def command(
    query: tuple[str, ...],
    limit: int | None,
    sort: str | None,
    output: str | None,
    table: Form | None,
    tags: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    purposes: tuple[str, ...],
    calls: bool,
    source: Source,
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
    scorelens search 'kind:tweet' --output tweets.parquet --score complaint
    scorelens search refund --console https://console.example
    scorelens search 'tag:complaint' --since 7d --table terms --output why.csv

    A file gets every match, in order of time unless --sort or --limit says otherwise, in constant memory and as of the
    beginning. It is there when it is whole: Ctrl-C leaves what had its name before.

    Fields: kind, id, title, text, tag, score.TAG, margin.TAG, threshold.TAG, because, audience, author, source,
    language, customer, model, version, published, time, attributes.NAME, label.NAME, flags, status, duration.
    """
    selection = Selection(parse(" ".join(query), now()), since, until, chosen(purposes), calls)
    order, path = sort_of(sort, "--sort"), _checked(output, table, tags, as_json)
    console = notes()
    with open_source(home, source) as reader:
        if path is None:
            total, shown = _show(reader, selection, 10 if limit is None else limit, order, as_json)
        else:
            total, shown = _write(reader, selection, limit, order, path, table, tags, console)
        hints = list(why_nothing(reader, selection)) if total == 0 else []
    text = f"{total:,} document{'' if total == 1 else 's'} match{'es' if total == 1 else ''}"
    if path is None or not total:
        console.print(text if shown == total else f"{text}, {shown:,} shown", style="bold")
    for hint in hints:
        console.print(clean(hint), soft_wrap=True)
    if path is None and not as_json and not source.console and (kibana := linked(store_of(home, source.store))):
        _print_link(console, kibana, selection)


def _checked(output: str | None, table: Form | None, tags: tuple[str, ...], as_json: bool) -> Path | None:
    if output is None:
        if table is not None or tags:
            raise click.UsageError("--table and --score need --output FILE")
        return None
    if as_json:
        raise click.UsageError("--json prints, and --output writes to a file: give one of them")
    check(Path(output), table, tags, "--output")
    return Path(output)


def _show(reader: Reader, selection: Selection, limit: int, order: Sort, as_json: bool) -> tuple[int, int]:
    total = 0
    for page in reader.pages(selection, limit=limit, sort=order, highlight=not as_json):
        for hit in page.hits:
            if as_json:
                print_json(hit.record)
            else:
                print_hit(results(), hit)
        total = page.total
    return total, min(limit, total)


def _write(
    reader: Reader,
    selection: Selection,
    limit: int | None,
    order: Sort,
    path: Path,
    table: Form | None,
    tags: tuple[str, ...],
    console: Console,
) -> tuple[int, int]:
    """Write matches to a file and say what is in it; return how many there are, and how many were written."""
    stop_on_signals()
    started = time.monotonic()
    total = reader.count(selection)
    expected = total if limit is None else min(limit, total)
    records = _matches(reader, selection, limit, order, total)
    say = partial(console.print, soft_wrap=True)
    try:
        saved = save(watched(records, expected, "writing", "records", say), path, table, tags, name="--output")
    except KeyboardInterrupt:
        say(f"interrupted: {clean(str(path))} is not written")
        raise
    seconds = max(time.monotonic() - started, 1e-3)
    written = f"{saved.records:,} record{'' if saved.records == 1 else 's'}"
    rows = f", {saved.rows:,} rows" if saved.rows != saved.records else ""
    text = f"wrote {written}{rows} to {clean(str(path))}, {_size(saved.bytes)}, in {seconds:.1f} s"
    say(f"{text} ({saved.records / seconds:,.0f}/s)", style="bold")
    return total, saved.records


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def _matches(reader: Reader, selection: Selection, limit: int | None, order: Sort, total: int) -> Iterator[Record]:
    if limit is None and order.field is None:
        yield from map(Record, reader.scan(selection))
        return
    for page in reader.pages(selection, limit=total if limit is None else limit, sort=order):
        yield from (Record(hit.record) for hit in page.hits)


def _print_link(console: Console, kibana: Kibana, selection: Selection) -> None:
    address = kibana.of_selection(selection)
    if len(address) > LONGEST:
        console.print("the query is too long for an address of Kibana", style="dim")
        return
    print_link(console, "in Kibana", address)
    for caveat in caveats_of(selection):
        console.print(f"  {caveat}", style="dim", soft_wrap=True)
