"""`scorelens forget`: documents and customers out of everything that is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scorelens_client.audit import FILE, Audit, Place
from scorelens_client.forgetting.ids import KINDS, count, gather
from scorelens_client.forgetting.run import Outcome, Plan, Step, look, run
from scorelens_client.home import Home
from scorelens_client.options import Command, home_option, json_option
from scorelens_client.terminal import clean, counted, notes, print_json, results


def _named(kind: str) -> Callable[[Command], Command]:
    return click.option(f"--{kind}", f"{kind}_ids", multiple=True, metavar="ID", help=f"A {kind}; may be repeated.")


def _listed(kind: str) -> Callable[[Command], Command]:
    text = f"File of {kind}s, one id per line, - is standard input; may be repeated."
    return click.option(f"--{kind}s", f"{kind}_files", multiple=True, metavar="FILE", help=text)


@click.command("forget")
@_named("document")
@_named("customer")
@_named("record")
@_listed("document")
@_listed("customer")
@_listed("record")
@click.option("--was", multiple=True, metavar="ID", help="Tell whether an id was forgotten; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Show how much is concerned and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--indexer", metavar="HOST:PORT", help="Indexer of the store.  [default: the system's]")
@click.option(
    "--sidecar-folder",
    "sidecars",
    multiple=True,
    metavar="FOLDER",
    help="Folder of a further sidecar; may be repeated.",
)
@click.option("--export", "exports", multiple=True, metavar="FOLDER", help="A further export; may be repeated.")
@json_option("Print one JSON object.")
@home_option
def command(
    was: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    indexer: str | None,
    sidecars: tuple[str, ...],
    exports: tuple[str, ...],
    as_json: bool,
    home: Home,
    **named: tuple[str, ...],
) -> int:
    """Forget documents, or all that concerns customers: in the store, in spools, logs, dead letters and exports.

    Shows what is concerned and asks first. What is forgotten does not come back, neither with what is still on its way
    nor when it is scored again. It works while the system runs and while it does not. Where a place cannot be reached,
    all others are done and the exit status is 1: run it again later. audit.jsonl in --home has a line of each time,
    with keyed hashes in place of ids. An id with a line break stands in a file as a JSON string.

    \b
    scorelens forget --document d-17
    scorelens forget --customer c-9 --customer c-12 --yes
    scorelens forget --customers left-us.txt --dry-run
    scorelens search 'campaign:autumn' --json | jq -r .document.id | scorelens forget --documents - --yes
    scorelens forget --was c-9
    """
    if was:
        return _tell(home, was, as_json)
    ids = gather({kind: named[f"{kind}_ids"] for kind in KINDS}, {kind: named[f"{kind}_files"] for kind in KINDS})
    if not count(ids):
        raise click.UsageError("name what to forget: --document ID, --customer ID, --record ID, or a file of them")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("nobody can be asked here: add --yes, or look first with --dry-run")
    folders = [home.sidecar, *(Path(name).expanduser().absolute() for name in sidecars)]
    plan = Plan(home, ids, list(dict.fromkeys(folders)), _exports(home, exports), indexer)
    console = notes()
    if dry_run or not yes:
        with console.status("looking for what is concerned ..."):
            found = look(plan)
        if dry_run:
            _show(found, count(ids), as_json, dry_run=True)
            return 0 if found.complete else 1
        console.print(_table(found.places, "concerned"))
        click.confirm(f"Forget {count(ids):,} id{'s' * (count(ids) > 1)} for good?", abort=True, err=True)
    with _progress(console) as step:
        outcome = run(plan, step)
    _show(outcome, count(ids), as_json, audit=home.path / FILE)
    return 0 if outcome.complete else 1


def _exports(home: Home, named: Sequence[str]) -> list[Path]:
    known: list[Path] = []
    if (home.path / "exports.json").exists():  # without an export, nothing of what reads them is needed
        from scorelens_client.export.registry import known as listed

        known = listed(home.path)
    return list(dict.fromkeys([*known, *(Path(name).expanduser().absolute() for name in named)]))


def _show(outcome: Outcome, ids: int, as_json: bool, *, dry_run: bool = False, audit: Path | None = None) -> None:
    if as_json:
        places = [{"place": each.place, "removed": each.removed, "left": each.left} for each in outcome.places]
        done = {"ids": ids, "dry_run": dry_run, "complete": outcome.complete, "sent_to": outcome.sent_to}
        print_json(done | {"places": places})
        return
    console = results()
    console.print(_table(outcome.places, "concerned" if dry_run else "removed"))
    for place in outcome.places:
        if place.left:
            console.print(
                f"{'not seen' if dry_run else 'NOT DONE'}: {clean(place.place)}: {clean(place.left)}",
                style="red",
                soft_wrap=True,
            )
    if not outcome.complete and not dry_run:
        console.print("what is left there was not forgotten; once that is mended, run the same again", style="red")
    elif not any(place.removed for place in outcome.places):
        console.print("nothing was found" + ("" if dry_run else "; what comes later under these ids is kept out"))
    if outcome.sent_to:
        console.print(_beyond(outcome.sent_to), style="dim", soft_wrap=True)
    if audit:
        yours = "files of results and rejects that you had written, copies and backups are yours to clear"
        console.print(f"noted in {audit}; {yours}", style="dim", soft_wrap=True)


def _beyond(sent_to: Sequence[str]) -> str:
    return (
        f"the sidecar sent to {', '.join(map(clean, sent_to))}: forget there, too, where that is not this system's "
        "indexer"
    )


def _table(places: Sequence[Place], what: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("place", overflow="fold")
    table.add_column(what, justify="right")
    for place in places:
        table.add_row(Text(clean(place.place)), _count(place))
    return table


def _count(place: Place) -> Text:
    if place.left:
        return Text("?", "red")
    return Text("not counted before", "dim") if place.removed is None else Text(f"{place.removed:,}")


@contextmanager
def _progress(console: Console) -> Iterator[Step]:
    with counted(console) as bar:
        task = bar.add_task("", total=None)

        def step(text: str, done: int, total: int) -> None:
            bar.update(task, description=clean(text), completed=done, total=total or None)

        yield step


def _tell(home: Home, asked: Sequence[str], as_json: bool) -> int:
    audit = Audit(home.path)
    found = {one: list(audit.find(one)) for one in asked}
    for one, lines in found.items():
        if as_json:
            print_json({"id": one, "forgotten": lines})
        for line in () if as_json else lines:
            removed = sum(place["removed"] for place in line["places"])
            rest = "" if line["complete"] else ", not everywhere"
            results().print(
                f"{clean(one)}: forgotten as a {line['kind']} at {line['time']} by {clean(line['user'])}, "
                f"{removed:,} things removed{rest}",
                soft_wrap=True,
            )
        if not lines and not as_json:
            results().print(f"{clean(one)}: was not forgotten here", soft_wrap=True)
    return 0 if all(found.values()) else 1
