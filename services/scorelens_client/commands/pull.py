"""`scorelens pull`: from ids, log lines or a query to the documents themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from io import TextIOWrapper

import click
from rich.console import Console

from scorelens_client.home import Home
from scorelens_client.options import chosen, home_option, purpose_options, source_options, time_options
from scorelens_client.reading import Source, open_source
from scorelens_client.sdk.pulling import references_of, resolved
from scorelens_client.terminal import clean, notes, print_json
from scorelens_documents.documents import write_document
from scorelens_reading.hints import why_nothing
from scorelens_reading.resolver import Reference, Resolver, StoreResolver, load_resolver, read_reference
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Reader, Selection
from scorelens_store.query.parse import parse

SHOWN = 20


@click.command("pull")
@click.argument("query", nargs=-1)
@click.option(
    "--resolver",
    metavar="NAME",
    help="Who finds the documents: an entry point, or module:attribute.  [default: the store]",
)
@time_options
@purpose_options
@source_options
@home_option
def command(
    query: tuple[str, ...],
    resolver: str | None,
    since: datetime | None,
    until: datetime | None,
    purposes: tuple[str, ...],
    calls: bool,
    source: Source,
    home: Home,
) -> int:
    """Pull documents up: one JSON line per document, as `scorelens score` reads them.

    Without a query and a time, standard input names the documents: document ids, record ids, URIs, or JSON lines of
    `scorelens log` and `scorelens search --json`. A document that is not found is named on standard error, and the exit
    status is 1.

    \b
    scorelens pull < ids.txt
    scorelens log 'score.complaint:>0.9' --no-follow --since 1d | scorelens pull
    scorelens pull 'tag:complaint AND kind:chat' --since 7d > complaints.jsonl
    scorelens pull 'flags:does_not_add_up' | scorelens score - --purpose replay
    scorelens pull --resolver mycrm:Crm < ids.txt
    """
    by_query = bool(query or since or until)
    if not by_query and sys.stdin.isatty():
        raise click.UsageError("give a query, a time (--since), or ids on standard input: scorelens pull < ids.txt")
    missing = 0
    console = notes()
    with ExitStack() as stack:
        own = load_resolver(resolver) if resolver else None
        reader = stack.enter_context(open_source(home, source)) if own is None or by_query else None
        if by_query:
            selection = Selection(parse(" ".join(query)), since, until, chosen(purposes), calls)
            _say_if_nothing(reader, selection, console)  # type: ignore[arg-type]
            references = references_of(reader, selection)  # type: ignore[arg-type]
        else:
            references = _named(TextIOWrapper(sys.stdin.buffer, "utf-8", "replace"))
        for lost in pull(references, own or StoreResolver(reader)):  # type: ignore[arg-type]
            missing += 1
            if missing <= SHOWN:
                console.print(f"not found: {clean(lost.name)}", style="red", soft_wrap=True)
    if missing > SHOWN:
        console.print(f"not found: {missing:,} in all", style="red")
    return 1 if missing else 0


def pull(references: Iterable[Reference], resolver: Resolver) -> Iterator[Reference]:
    """Print the documents that are found, in order; yield the references of those that are not."""
    for reference, document in resolved(references, resolver):
        if document is None:
            yield reference
        else:
            print_json(write_document(document))


def _say_if_nothing(reader: Reader, selection: Selection, console: Console) -> None:
    if reader.count(selection):
        return
    console.print("0 documents match; ids go on standard input, or into the query as id:d-17", style="bold")
    for hint in why_nothing(reader, selection):
        console.print(clean(hint), soft_wrap=True)


def _named(lines: Iterable[str]) -> Iterator[Reference]:
    for number, line in enumerate(lines, 1):
        try:
            reference = read_reference(line)
        except ScorelensError as error:
            raise ScorelensError(f"standard input, line {number}: {error}") from error
        if reference:
            yield reference
