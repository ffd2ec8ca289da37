"""`scorelens log`: the calculation log, one JSON line per scored document."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import click

from scorelens_client.calculation_log import TAIL, LogReader
from scorelens_client.home import Home
from scorelens_client.options import home_option, time_options
from scorelens_client.terminal import notes
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Selection
from scorelens_store.fields import FIELDS, Type
from scorelens_store.query.evaluate import matches
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything, Node, fields_of
from scorelens_store.selection import complete


@click.command("log")
@click.argument("query", nargs=-1)
@click.option("--follow/--no-follow", default=True, help="Go on with lines as they are written.  [default: follow]")
@click.option(
    "--lines",
    type=click.IntRange(0),
    default=10,
    help="How many earlier lines to start with, when following.  [default: 10]",
)
@click.option(
    "--file", "file", metavar="FILE", help="Calculation log to read.  [default: sidecar/calculations.jsonl in --home]"
)
@time_options
@home_option
def command(
    query: tuple[str, ...],
    follow: bool,
    lines: int,
    file: str | None,
    since: datetime | None,
    until: datetime | None,
    home: Home,
) -> None:
    """Follow the calculation log: one JSON line per scored document, as the sidecar writes it.

    It is a file of the sidecar's and needs no store. The query is in the language of `scorelens search`; the log has
    ids, kinds, tags, scores, reasons and calculations, but no words of documents.

    \b
    scorelens log
    scorelens log 'score.complaint:>0.9 AND kind:tweet'
    scorelens log --no-follow --since 2h | jq -r .document.id
    scorelens log 'tag:complaint' --no-follow --since 1d | scorelens pull
    """
    asked = complete(Selection(_of_the_log(parse(" ".join(query))), since, until, purposes=(), calls=True))
    path = Path(file) if file else home.calculation_log
    if not follow and not path.exists():
        raise ScorelensError(f"there is no calculation log {path}; the sidecar writes it (--home, --file)")
    with LogReader(path) as reader:
        if follow and since is None:
            _print(_last(reader, asked, lines))
        else:
            _print(_wanted(reader.there(), asked))
        if follow:
            if not path.exists():
                notes().print(f"waiting for {path}", style="dim", soft_wrap=True)
            _print(_wanted(reader.lines(time.sleep), asked))


def _of_the_log(query: Node) -> Node:
    for name in fields_of(query):
        if FIELDS.get(name) and FIELDS[name].type is Type.TEXT:
            raise ScorelensError(
                f"the log holds scores and reasons but not the words of documents ({name}): ask for a tag, a score, a "
                f"kind or a reason here, or for words with `scorelens search`"
            )
    return query


def _print(lines: Iterable[bytes]) -> None:
    for line in lines:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


def _last(reader: LogReader, query: Node, count: int) -> Iterable[bytes]:
    """Return the latest lines that match, looking as far back in the file as it takes."""
    window = TAIL
    while True:
        found = deque(_wanted(reader.latest(window), query), count)
        if len(found) == count or window >= reader.size:
            return found
        window *= 8


def _wanted(lines: Iterable[bytes], query: Node) -> Iterator[bytes]:
    if isinstance(query, Everything):
        yield from lines
        return
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and matches(query, record):
            yield line
