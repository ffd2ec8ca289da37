"""`scorelens train`: a model of one's own out of a labelled file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from scorelens.tag_names import tag_id
from scorelens_documents.columns import Columns
from scorelens_runtime.errors import SettingError
from scorelens_runtime.terminal import notes, print_json, results
from scorelens_scorer.commands.options import patience_option, registry_of, registry_options
from scorelens_scorer.commands.promote import say
from scorelens_scorer.commands.train_report import print_report
from scorelens_scorer.errors import RegistryError
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.registry.promoting import promote
from scorelens_scorer.saved import CARD, PICTURE, save
from scorelens_scorer.training.own.card import card
from scorelens_scorer.training.own.labels import parse
from scorelens_scorer.training.own.reading import ACTIVITY, TEXT, Step, Wanted
from scorelens_scorer.training.own.training import Outcome, Plan, train
from scorelens_scorer.training.recipes import ACTIVITY as ACTIVITY_KINDS
from scorelens_scorer.training.recipes import MEDIA

ENDS = re.compile(r"(\.(jsonl|ndjson|csv|tsv|parquet|pq|json|txt))?(\.gz)?$", re.IGNORECASE)
REFERENCE_KINDS = {"media-tagger": tuple(MEDIA), "offer-ranker": tuple(ACTIVITY_KINDS)}


@click.command("train")
@click.argument("file", metavar="FILE|-")
@click.option("--text", metavar="COLUMN", help="Column of the text.  [default: text]")
@click.option("--title", metavar="COLUMN", help="Column of the title.  [default: title, if there is one]")
@click.option(
    "--tags",
    multiple=True,
    metavar="COLUMN|RULE",
    help="Column with the tags of a row: names, or 0 and 1; or a rule such as negative=rating<-0.5. May be repeated.",
)
@click.option("--separator", help="What separates tags in one cell; '' for nothing.  [default: | or ;, if found]")
@click.option(
    "--column", "columns", multiple=True, metavar="FIELD=COLUMN", help="Column of another field, such as events=log."
)
@click.option("--id", "name", metavar="MODEL", help="Id of the model.  [default: from the file's name]")
@click.option("--group", default="", help="Group of the tags, such as sentiment.  [default: topic, or offer]")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Kind of documents that it scores for callers who name no model, such as tweet; activity learns from events. "
    "May be repeated.  [default: its own id, or activity]",
)
@click.option("--words-only", is_flag=True, help="Leave parts of words out: easier to read, and a little less right.")
@click.option(
    "--rows", type=click.IntRange(100), default=None, metavar="N", help="Most rows to use.  [default: what fits]"
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("jsonl", "csv", "tsv", "parquet")),
    default=None,
    help="What the file is.  [default: told by its name]",
)
@click.option("--promote", "at_once", is_flag=True, help="Put it to use at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all figures instead of a report.")
@patience_option
@registry_options
def command(
    file: str,
    text: str | None,
    title: str | None,
    tags: tuple[str, ...],
    separator: str | None,
    columns: tuple[str, ...],
    name: str | None,
    group: str,
    kinds: tuple[str, ...],
    words_only: bool,
    rows: int | None,
    form: str | None,
    at_once: bool,
    as_json: bool,
    patience: float,
    home: str | None,
    cache: str | None,
) -> None:
    """Train a model on your own labelled file: JSONL, CSV or Parquet, one or many tags per row.

    \b
    scorelens train tickets.csv --text body --tags topic
    scorelens train tickets.csv --text body --tags topics --separator ','   many tags in a cell
    scorelens train spam.parquet --tags is_spam                             a column of 0 and 1
    scorelens train reviews.jsonl --tags 'good=stars>=4' --tags 'bad=stars<=2'
    scorelens train customers.jsonl --tags offers                           events instead of text
    scorelens train tweets.csv --tags labels --id media-tagger --promote    in place of that model

    A row without tags is an example of none. The text decides by its hash which rows are learned from, which calibrate
    and which are held out, so that the same text is never in two parts, and the same file gives the same model. Each
    tag is a linear model of words, pairs of words and parts of words, so that every score can be explained exactly.

    It is written, with a card and a picture of its figures, as a new version of the model. `scorelens promote` puts it
    to use in the scorers that run.
    """
    plan = _plan(file, text, title, tags, separator, columns, name, group, kinds, words_only, rows, form)
    registry = registry_of(home, cache)
    registry.check(plan.id)
    console = notes()
    with _progress(console) as step:
        outcome = train(plan, registry, step)
        folder, is_new = _keep(outcome, registry, step)
    if as_json:
        print_json(_as_json(outcome, folder))
    else:
        print_report(results(), outcome)
        _print_next(results(), outcome, folder, is_new=is_new, at_once=at_once)
    if at_once:
        if as_json:
            promote(registry, plan.id, outcome.model.version, patience)
        else:
            say(promote(registry, plan.id, outcome.model.version, patience), registry)


def _plan(
    file: str,
    text: str | None,
    title: str | None,
    tags: tuple[str, ...],
    separator: str | None,
    columns: tuple[str, ...],
    name: str | None,
    group: str,
    kinds: tuple[str, ...],
    words_only: bool,
    rows: int | None,
    form: str | None,
) -> Plan:
    named = dict(Columns.parse(columns).named)
    for option, column in (("text", text), ("title", title)):
        if column and named.get(option, column) != column:
            raise SettingError(f"--{option} {column} and --column {option}={named[option]}: name one of them")
        if column:
            named[option] = column
    model = name or _name_of(file)
    kind = ACTIVITY if ACTIVITY in kinds else TEXT if kinds or text else ""
    wanted = Wanted(named, tuple(parse(tags)), separator, kind, rows or 0, form=form or "")
    options = tuple(_given(text, title, tags, separator, columns, words_only, rows))
    return Plan(file, wanted, model, kinds or REFERENCE_KINDS.get(model, ()), group, words_only, options)


def _name_of(file: str) -> str:
    if file == "-":
        raise SettingError("--id is missing: name the model that is trained on standard input")
    return tag_id(ENDS.sub("", Path(file).name).lower())


def _given(
    text: str | None,
    title: str | None,
    tags: tuple[str, ...],
    separator: str | None,
    columns: tuple[str, ...],
    words_only: bool,
    rows: int | None,
) -> Iterator[str]:
    single = {"--text": text, "--title": title, "--separator": separator, "--rows": rows}
    yield from (f"{flag} {value}" for flag, value in single.items() if value is not None)
    yield from (f"--tags {tag}" for tag in tags)
    yield from (f"--column {column}" for column in columns)
    if words_only:
        yield "--words-only"


def _keep(outcome: Outcome, registry: Registry, step: Step) -> tuple[Path, bool]:
    """Write the model, its card and its picture, unless the same is kept already."""
    step("drawing", 0, 0)
    from scorelens_scorer.training.own.picture import picture  # here, since it takes a second

    folder = registry.place(outcome.model.id, outcome.model.version)
    if folder.exists():
        registry.load(outcome.model.id, outcome.model.version)
        return folder, False
    beside = {CARD: card(outcome).encode("utf-8"), PICTURE: picture(outcome)}
    try:
        save(outcome.model, folder, beside)
    except OSError as error:
        raise RegistryError(f"the model cannot be kept in {folder}: {error.strerror} (--cache)") from error
    return folder, True


def _print_next(console: Console, outcome: Outcome, folder: Path, *, is_new: bool, at_once: bool) -> None:
    model = outcome.model
    said = "is kept in" if is_new else "is what was trained before, kept in"
    console.print(f"\n{model.id} {model.version} {said} {folder}", style="bold", soft_wrap=True)
    console.print(f"  {CARD}   what it is made of, and its limits\n  {PICTURE}   its figures as a picture")
    if not at_once:
        console.print(f"\nscorelens promote {model.id} {model.version}   puts it to use")
        console.print(f"scorelens score FILE --model {model.id}   scores with it then")


def _as_json(outcome: Outcome, folder: Path) -> dict[str, Any]:
    model = outcome.model
    words = {tag: {"for": speaking, "against": against} for tag, (speaking, against) in outcome.words.items()}
    return {"id": model.id, "version": model.version, "folder": str(folder), **model.facts, "features_of": words}


@contextmanager
def _progress(console: Console) -> Iterator[Step]:
    """Show what is being done; nothing where nobody watches."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def step(what: str, done: float, total: float) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield step
