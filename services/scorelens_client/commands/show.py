"""`scorelens show`: one document, every score it got, and the calculation behind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scorelens_client.calculation import table
from scorelens_client.home import Home
from scorelens_client.listing import tags_of, time_of
from scorelens_client.options import home_option, json_option, source_options
from scorelens_client.reading import Source, open_source, store_of
from scorelens_client.sdk.errors import NotAllowedError
from scorelens_client.terminal import clean, print_json, print_link, results
from scorelens_reading.calculation import Calculation, calculations_of
from scorelens_reading.explain import explain_again
from scorelens_reading.flags import explained
from scorelens_reading.histories import SHOWN_OF_ID, find_history, find_in, to_explain
from scorelens_reading.kibana.links import linked
from scorelens_reading.seen import HIDDEN, is_in_part
from scorelens_runtime.errors import ScorelensError

Record = dict[str, Any]
MOST_TERMS = 10
TEXT = 1500


@click.command("show")
@click.argument("document_id")
@click.option("--record", "record_id", metavar="RECORD_ID", help="Explain this score.  [default: the latest]")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="Explain this tag; may be repeated.  [default: the selected ones]",
)
@click.option(
    "--all", "every", is_flag=True, help="Show every term, by scoring it again with the version that scored it."
)
@click.option(
    "--target", metavar="HOST:PORT", help="Sidecar or scorer that --all calls.  [default: the running system's]"
)
@click.option("--terms", type=click.IntRange(1), default=MOST_TERMS, help="How many terms of each tag.  [default: 10]")
@click.option("--full-text", is_flag=True, help="Show a long text to its end.")
@source_options
@json_option("Print the whole records, one per line, the latest first.")
@home_option
def command(
    document_id: str,
    record_id: str | None,
    tags: tuple[str, ...],
    every: bool,
    target: str | None,
    terms: int,
    full_text: bool,
    source: Source,
    as_json: bool,
    home: Home,
) -> None:
    """Show a document, every score it ever got, and the calculation, by document id or record id.

    The calculation is a sum: where it starts (the intercept), what each feature adds, and the remainder of features too
    small to list. It ends in the margin, which the link turns into the probability, which the threshold decides on.

    \b
    scorelens show d-17
    scorelens show d-17 --tag complaint --all
    scorelens show d-17 --json | jq .calculation
    scorelens show d-17 --console https://console.example
    """
    with open_source(home, source) as reader:
        records, total = find_history(reader, document_id)
    if not records:
        raise ScorelensError(f"no record of a document {document_id!r} is stored; a score takes a moment to arrive")
    record = _choose(records, record_id or document_id, strict=record_id is not None)
    if (every or tags) and is_in_part(record):
        raise NotAllowedError(HIDDEN)
    if every:
        record = explain_again(record, target or home.require_running().sidecar)
    if as_json:
        for one in [record] if every or record_id else records:
            print_json(one)
        return
    console = results()
    _print_document(console, record, full_text)
    _print_scores(console, records, record, total)
    _print_calculations(console, record, tags, None if every else terms)
    if not source.console and (kibana := linked(store_of(home, source.store))):
        print_link(console, "in Kibana", kibana.of_document(records, total))


def print_record(console: Console, record: Record, most_tags: int) -> None:
    """Print one score of a document with its calculation, for a few of the selected tags."""
    _print_document(console, record, full=False)
    _print_scores(console, [record], record, 1)
    tags = [one.tag for one in calculations_of(record) if one.selected][:most_tags]
    _print_calculations(console, record, tuple(tags), MOST_TERMS)


def _choose(records: Sequence[Record], record_id: str, *, strict: bool) -> Record:
    record = find_in(records, record_id)
    if record is None and strict:
        raise ScorelensError(f"--record: none of its latest {len(records)} scores is {record_id!r}")
    chosen: Record = record or to_explain(records)
    return chosen


def _print_document(console: Console, record: Record, full: bool) -> None:
    document = record["document"]
    title = document.get("title")
    console.print(Text(clean(title or document.get("id") or record["record"]["id"]), "bold underline"))
    names = ("kind", "language", "author", "source", "source_uri", "published_time")
    facts = [(name, document.get(name)) for name in ((("id", *names)) if title else names)]
    facts += [("reached", f"{document['audience']:,} people" if document.get("audience") else None)]
    facts += [("customer", (record.get("customer") or {}).get("id"))]
    facts += list((document.get("attributes") or {}).items())
    facts += [(f"label {name}", value) for name, value in (record.get("labels") or {}).items()]
    told = [Text(f"{name} ", "dim").append(clean(str(value)), "not dim") for name, value in facts if value]
    if told:
        console.print(Text("   ").join(told))
    console.print()
    text = document.get("text") or ""
    if text:
        cut = (
            text
            if full or len(text) <= TEXT
            else text[:TEXT] + f" … ({len(text) - TEXT:,} more characters: --full-text)"
        )
        console.print(Padding(Text(clean(cut)), (0, 0, 0, 2), expand=False))
        console.print()
    _print_events(console, record.get("activity") or {})


def _print_events(console: Console, activity: Mapping[str, list[Any]], most: int = 15) -> None:
    count = len(activity.get("type") or ())
    if not count:
        return
    events = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("time", "type", "product", "amount", "balance", "text"):
        events.add_column(name, justify="right" if name in ("amount", "balance") else "left")
    for row in range(max(0, count - most), count):
        cell = {name: values[row] for name, values in activity.items() if row < len(values)}
        events.add_row(
            clean(str(cell.get("time") or ""))[:10],
            *(clean(str(cell.get(name) or "")) for name in ("type", "product")),
            *("" if cell.get(name) is None else f"{cell[name]:,.2f}" for name in ("amount", "balance")),
            clean(str(cell.get("text") or "")),
        )
    console.print(events)
    if count > most:
        console.print(f"  the latest {most} of {count} events", style="dim")
    console.print()


def _print_scores(console: Console, records: Sequence[Record], chosen: Record, total: int) -> None:
    scores = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("scored", "model", "purpose", "tags", "record"):
        scores.add_column(name, overflow="fold", no_wrap=name != "model")
    rows = [_score_row(record) for record in records]
    room = console.width - sum(max(len(row[column]) for row in rows) + 2 for column in (0, 1, 2, 3))
    for record, row in zip(records, rows, strict=True):
        tags = tags_of(record)
        if tags.cell_len > room:
            tags = tags_of(record, between="\n")
        same = record["record"]["id"] == chosen["record"]["id"] and len(records) > 1
        scores.add_row(*row[:3], tags, Text(row[3], "dim"), style="bold" if same else "")
        if same:
            scores.add_row(Text("└ explained below", "dim"))
    console.print(scores)
    if total > len(records):
        console.print(f"the latest {len(records)} of {total:,} scores", style="dim")
    for flag in chosen.get("flags") or ():
        console.print(f"{clean(flag)}: {explained(flag)}", style="bold red")
    console.print()


def _score_row(record: Record) -> tuple[str, str, str, str]:
    model = record.get("model") or {}
    name = clean(f"{model.get('id', '')} {model.get('version', '')}")
    return time_of(record), name, record.get("purpose", ""), record["record"]["id"][:SHOWN_OF_ID]


def _print_calculations(console: Console, record: Record, tags: tuple[str, ...], most: int | None) -> None:
    found = calculations_of(record)
    if is_in_part(record):
        console.print(HIDDEN, style="dim", soft_wrap=True)
        return
    if not found:
        console.print("no calculation was recorded with this score", style="yellow")
        return
    chosen = _wanted(found, tags)
    for one in chosen:
        console.print(table(one, min(console.width, 120), most))
        console.print()
    others = [one for one in found if one not in chosen]
    if others:
        rest = ", ".join(f"{clean(one.tag)} {one.probability:.1%}" for one in others)
        console.print(f"other tags (--tag explains one): {rest}", style="dim")


def _wanted(found: Sequence[Calculation], tags: tuple[str, ...]) -> list[Calculation]:
    if tags:
        known = {one.tag for one in found}
        for tag in tags:
            if tag not in known:
                raise ScorelensError(f"--tag: {tag!r} is none of this model's tags: {', '.join(sorted(known))}")
        return [one for one in found if one.tag in tags]
    return [one for one in found if one.selected] or list(found[:1])
