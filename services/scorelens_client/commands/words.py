"""`scorelens words`: find the words that mark some documents against others."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scorelens_client.home import Home
from scorelens_client.options import chosen, home_option, json_option, purpose_options, source_options, time_options
from scorelens_client.reading import Source, open_source
from scorelens_client.sdk.selecting import words_field
from scorelens_client.sdk.words import Word, Words, find_words
from scorelens_client.terminal import clean, notes, print_json, results
from scorelens_client.when import now
from scorelens_reading.hints import why_nothing
from scorelens_store.contract import Reader, Selection
from scorelens_store.query.parse import parse
from scorelens_store.significance import MOST

BAR = 24
LONGEST = 40
_KEPT = {"since": "--since", "until": "--until", "purposes": "--purpose", "store": "--store", "console": "--console"}
"""Options that the command that is shown has as well."""


@click.command("words")
@click.argument("query", nargs=-1, required=True)
@click.option(
    "--against",
    metavar="QUERY",
    help="What to compare with: what matches this and not the query.  [default: all other documents]",
)
@click.option(
    "--field",
    default="",
    metavar="FIELD",
    help="Compare the words of one text, or the values of a keyword field.  [default: words of title, text, activity]",
)
@click.option("--limit", type=click.IntRange(1, MOST), default=20, help="How many to show.  [default: 20]")
@click.option(
    "--least", type=click.IntRange(1), default=3, help="Leave out what fewer documents have than this.  [default: 3]"
)
@time_options
@purpose_options
@source_options
@json_option("Print one word with its counts per line.")
@home_option
def command(
    query: tuple[str, ...],
    against: str | None,
    field: str,
    limit: int,
    least: int,
    since: datetime | None,
    until: datetime | None,
    purposes: tuple[str, ...],
    calls: bool,
    source: Source,
    as_json: bool,
    home: Home,
) -> None:
    """Find the words that mark some documents against others.

    A word is shown where more of the documents have it than of the others, and more than chance explains. Both sides
    are of the same times and purposes, and are read in the syntax of `scorelens search`.

    \b
    scorelens words 'tag:complaint label.verdict:wrong' --against 'tag:complaint'
                                        where reviewers disagreed, and where they did not
    scorelens words 'tag:complaint' --field because
                                        what this tag is given for, and no other
    scorelens words 'score.complaint:[0.45 TO 0.55]' --against 'score.complaint:*'
                                        what leaves the model in doubt?
    scorelens words 'tag:negative time:>now-1d' --against 'tag:negative' --since 30d
                                        what is new today?
    scorelens words 'tag:refund version:2*' --against 'tag:refund version:1*'
    scorelens words 'flags:does_not_add_up' --field kind
    """
    asked = words_field(field, "--field")
    text = " ".join(query)
    moment = now()
    selection = Selection(parse(text, moment), since, until, chosen(purposes), calls)
    other = None if against is None else Selection(parse(against, moment), since, until, chosen(purposes), calls)
    with open_source(home, source) as reader:
        found = find_words(reader, text, selection, other, asked, limit, least)
        hints = list(_why_none(reader, found, selection, other, least))
    for word in found if as_json else ():
        print_json(asdict(word))
    if found and not as_json:
        print_words(results(), found)
    console = notes()
    console.print(_compared(found), style="bold")
    for line in (*_examined(found), *hints):
        console.print(clean(line), soft_wrap=True)
    if found and not as_json:
        console.print(f"the {_documents(found[0].count)} with the first of them:", style="dim")
        console.print(f"  {clean(_search(found[0], home))}", soft_wrap=True)


def print_words(console: Console, words: Words) -> None:
    """Print one row per word: how many have it on either side, and what part of all these are."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("word", no_wrap=True, overflow="ellipsis", max_width=LONGEST)
    for name in ("these", "", "others", "", "times"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    scale = max(word.share for word in words)
    for word in words:
        counts = (f"{word.count:,}", _percent(word.share), f"{word.other_count:,}", _percent(word.other_share))
        shown = Text(clean(word.word) or '""', "bold")
        table.add_row(shown, *counts, _times(word), _bar(word, scale) if console.width >= 72 else "")
    console.print(table)


def _bar(word: Word, scale: float) -> Text:
    """Draw the share of the others, and what these have beyond it."""
    whole, others = (max(1, round(BAR * share / scale)) for share in (word.share, word.other_share))
    others = min(others, whole - 1) if word.other_count else 0
    return Text("░" * others, "dim").append("█" * (whole - others), "green")


def _times(word: Word) -> str:
    if not word.other_count:
        return "only here"
    times = word.share / word.other_share
    return f"{times:,.1f}" if times < 99.95 else f"{times:,.0f}"


def _percent(share: float) -> str:
    return "<0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def _documents(count: int) -> str:
    return f"{count:,} document{'' if count == 1 else 's'}"


def _compared(found: Words) -> str:
    return f"{_documents(found.total)} compared with {found.others:,} other{'' if found.others == 1 else 's'}"


def _examined(found: Words) -> Iterator[str]:
    if found.examined and (found.examined < found.total or found.others_examined < found.others):
        yield (
            f"words were looked for in {found.examined:,} of these and {found.others_examined:,} of the others; "
            "the counts are of all"
        )


def _why_none(
    reader: Reader, found: Words, selection: Selection, against: Selection | None, least: int
) -> Iterator[str]:
    if found:
        return
    if not found.total:
        yield from why_nothing(reader, selection)
    elif not found.others:
        nothing = list(why_nothing(reader, against)) if against and not reader.count(against) else ()
        yield from nothing or ("there are no others: whatever could be compared with matches the query itself",)
    elif found.total < least:
        yield f"none of them can be in {least} documents: lower --least"
    else:
        yield "no word tells them apart by more than chance; try --field because, --field source or another --against"


def _search(word: Word, home: Home) -> str:
    """Return the command that lists the documents with a word, with the options that this one was given."""
    context = click.get_current_context()
    parts = ["scorelens", "search", word.query]
    for name, flag in _KEPT.items():
        value: Any = context.params[name]
        for each in value if isinstance(value, tuple) else (value,) if value else ():
            parts += [flag, each.isoformat() if isinstance(each, datetime) else each]
    parts += ["--calls"] if context.params["calls"] else []
    if context.get_parameter_source("home") is click.core.ParameterSource.COMMANDLINE:
        parts += ["--home", str(home.path)]
    return shlex.join(parts)
