"""`scorelens migrate`: all records of one store into another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import click
from rich.table import Table

from scorelens_client.migrating.report import Report
from scorelens_client.migrating.run import Plan, Run
from scorelens_client.migrating.watching import Watching
from scorelens_client.options import json_option, time_options
from scorelens_client.terminal import clean, notes, print_json, results
from scorelens_runtime.errors import SettingError
from scorelens_store.moving import Source, Target, folder_of, open_source, open_target, place_of
from scorelens_store.open import is_url

DAYS_SHOWN: Final = 31
IDS_SHOWN: Final = 10


@click.command("migrate")
@click.option("--from", "source", required=True, metavar="FOLDER|URL", help="Store to read; it is never changed.")
@click.option("--to", "target", required=True, metavar="URL|FOLDER", help="Store to bring the records into.")
@time_options
@click.option(
    "--labels-of",
    type=click.Choice(("source", "target")),
    default="target",
    help="Whose label stays where both have one with another value.  [default: target]",
)
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("migrate.rejects.jsonl"),
    metavar="FILE",
    help="Where records go that the target can never store.  [default: migrate.rejects.jsonl]",
)
@click.option("--dry-run", is_flag=True, help="Compare and count, and change nothing.")
@json_option("Print what was done as one JSON object.")
def command(
    source: str,
    target: str,
    since: datetime | None,
    until: datetime | None,
    labels_of: str,
    rejects: Path,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Bring all records of one store into another, with their labels, and with what keeps forgotten ones out.

    A store is the folder of an embedded one or of the system that has it (SCORELENS_HOME), or the address of an
    Elasticsearch; #NAME behind the address is the prefix of its indices.

    \b
    scorelens migrate --from ~/.local/share/scorelens --to https://es.example.org:9200 --dry-run
    scorelens migrate --from ~/.local/share/scorelens --to https://es.example.org:9200
    scorelens migrate --from https://old:9200 --to https://new:9200#media
    scorelens migrate --from https://es.example.org:9200 --to /srv/copy --since 30d

    It compares both stores day by day and copies what is missing, so it may be interrupted, killed and run again at any
    time: a further run takes only what is new. The source may be in use; what arrives there too late for this run is
    counted at the end and taken by the next one. A target that is an Elasticsearch may be in use as well.

    At the end both sides are counted anew. The exit status is 1 while anything is missing or was rejected.
    """
    console = notes()
    started = time.monotonic()
    _check(source, target)
    plan = Plan(since, until, labels_of, dry_run)
    watching = Watching(console, rejects, "comparing" if dry_run else "migrating")
    with _opened(source, target, dry_run) as (reading, filling), watching.shown():
        report = Run(reading, filling, plan, watching).migrate()
    seconds = time.monotonic() - started
    if as_json:
        about = {"from": place_of(source), "to": place_of(target), "dry_run": dry_run, "seconds": round(seconds, 3)}
        print_json(about | report.as_json() | {"rejects": watching.rejects})
    else:
        _show(report, dry_run, seconds, watching.rejects)
    return 0 if dry_run or (report.complete and not report.rejected) else 1


def _check(source: str, target: str) -> None:
    names = [where if is_url(where) else str(Path(where).expanduser().resolve()) for where in (source, target)]
    folders = () if is_url(source) else (folder_of(Path(source)).resolve(), folder_of(Path(source)).resolve().parent)
    if names[0] == names[1] or Path(names[1]) in folders:
        raise SettingError("--from and --to name the same store: name another folder, address or #prefix")


@contextmanager
def _opened(source: str, target: str, dry_run: bool) -> Iterator[tuple[Source, Target]]:
    with ExitStack() as stack:
        reading = stack.enter_context(closing(open_source(source)))
        # Nothing is made of a target that is only compared; then it is never asked for more than reading.
        filling = open_target(target, writing=not dry_run)
        yield reading, stack.enter_context(closing(filling))


def _show(report: Report, dry_run: bool, seconds: float, rejects: str | None) -> None:
    console = results()
    days = list(report.days.items())
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("day")
    for name in ("source", "target", "only target", "forgotten", "rejected", "missing"):
        table.add_column(name, justify="right")
    for day, counts in days[-DAYS_SHOWN:]:
        figures = (counts.source, counts.target, counts.only_target, counts.forgotten, counts.rejected)
        table.add_row(str(day), *(f"{each:,}" for each in figures), f"{max(0, counts.missing):,}")
    if days:
        console.print(table)
    if len(days) > DAYS_SHOWN:
        console.print(f"and {len(days) - DAYS_SHOWN:,} days before; --json has all of them")
    rate = f" in {seconds:.1f} s ({report.copied / max(seconds, 1e-3):,.0f}/s)" if report.copied and not dry_run else ""
    verb = "to copy" if dry_run else "copied"
    console.print(f"{verb}: {report.copied:,} of {report.found:,} records{rate}", style="bold", soft_wrap=True)
    for line in _details(report, rejects):
        console.print(line, soft_wrap=True)
    if dry_run:
        return
    if report.complete:
        console.print("the counts of both sides agree", style="green")
    else:
        _show_missing(report)


def _details(report: Report, rejects: str | None) -> Iterator[str]:
    if report.there:
        yield f"{report.there:,} were there already; {report.relabelled:,} of them got labels that they lacked"
    if report.label_conflicts:
        yield f"{report.label_conflicts:,} have other values of labels on both sides: see --labels-of"
    if report.tombstones:
        yield f"{report.tombstones:,} forgotten ids are kept out of the target from now on"
    if report.removed:
        yield f"{report.removed:,} records of the target were forgotten in the source, and are removed"
    if report.forgotten:
        yield f"{report.forgotten:,} stay out, since they were forgotten in the target"
    if rejects:
        yield f"{report.rejected:,} can never be stored there: see {clean(rejects)}"


def _show_missing(report: Report) -> None:
    console = results()
    missing = sum(max(0, day.missing) for day in report.days.values())
    ids = ", ".join(clean(each) for each in report.missing[:IDS_SHOWN])
    more = f" and {len(report.missing) - IDS_SHOWN:,} more (--json)" if len(report.missing) > IDS_SHOWN else ""
    console.print(
        f"NOT COMPLETE: {missing:,} records are missing{f': {ids}{more}' if ids else ''}. Where the source is in use, "
        "they came during this run, and the next one takes them",
        style="red",
        soft_wrap=True,
    )
