"""`scorelens elasticsearch reindex`: the records of an index indexed anew, after a change of the mapping."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from scorelens_client.home import Home
from scorelens_client.options import home_option, json_option
from scorelens_client.server import server_of, server_option
from scorelens_client.terminal import clean, notes, print_json, progress, results
from scorelens_runtime.errors import ScorelensError
from scorelens_store.elasticsearch.differences import IndexDifference
from scorelens_store.elasticsearch.indices import generation, generation_name
from scorelens_store.elasticsearch.reindex import Index, Reindexing, Result, open_reindexing
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.setup import open_setup
from scorelens_store.open import open_store

Old = Mapping[str, IndexDifference]


@click.command("reindex")
@click.option("--index", "names", multiple=True, metavar="NAME", help="Index to make anew; may be repeated.")
@click.option("--all-old", is_flag=True, help="Every index in which searches find less than they would anew.")
@click.option("--all", "everything", is_flag=True, help="Every index, for settings that a new index alone takes up.")
@click.option("--abort", is_flag=True, help="Undo what a killed run has left: its write blocks, its unfinished copies.")
@click.option("--dry-run", is_flag=True, help="Show which indices would be made anew and why, and change nothing.")
@server_option
@json_option("Print one JSON object.")
@home_option
def command(
    names: tuple[str, ...],
    all_old: bool,
    everything: bool,
    abort: bool,
    dry_run: bool,
    store: str | None,
    as_json: bool,
    home: Home,
) -> None:
    """Index records anew after a change that no index takes up in place, while they are read and written.

    Of each index a copy is made by the templates of now, and put in its place by one request when it is the same.
    Searches see the old one until then. Records, labels and forgetting wait for a moment at the end, and nothing is
    lost: senders keep what they have. A run that was interrupted or killed changes nothing, and the next one goes on.

    \b
    scorelens elasticsearch setup                            bring the templates up to date first
    scorelens elasticsearch reindex --all-old --dry-run      which indices, and why
    scorelens elasticsearch reindex --all-old
    scorelens elasticsearch reindex --index scorelens-2026.11.22
    scorelens elasticsearch reindex --abort                  let writers go on after a run that was killed for good
    """
    if sum(map(bool, (names, all_old, everything, abort))) != 1:
        raise click.UsageError("give one of --index NAME, --all-old, --all and --abort")
    url, settings = server_of(home, store)
    with open_reindexing(url, settings) as reindexing:
        if abort:
            _abort(reindexing, dry_run, as_json)
            return
        old = _old(url, settings)
        chosen = _chosen(reindexing, old, names, everything)
        if dry_run:
            _plan(reindexing, chosen, old, settings.prefix, as_json)
            return
        with reindexing.held(), _bar(notes()) as bar:
            chosen = [reindexing.find(index.name) for index in chosen]
            done = [_one(reindexing, index, bar, as_json) for index in chosen]
    if any(result.removed for result in done):
        _purge(url, settings)
    if as_json:
        print_json({"indices": list(map(asdict, done))})
    elif not done:
        results().print("nothing to do: no index needs it")


def _old(url: str, settings: ElasticsearchSettings) -> Old:
    """Return the indices that differ from what the templates make. Raises ScorelensError where those are old."""
    with open_setup(url, settings) as setup:
        plan = setup.plan()
    if plan.newer:
        raise ScorelensError(f"a newer scorelens set this server up (version {plan.newer}): use that one")
    if any("template" in step.what for step in plan.steps):
        raise ScorelensError("the templates are not as the settings say: run `scorelens elasticsearch setup` first")
    return {one.index: one for one in plan.left}


def _chosen(reindexing: Reindexing, old: Old, names: Sequence[str], everything: bool) -> list[Index]:
    if names:
        return list(dict.fromkeys(map(reindexing.find, names)))
    return [
        index for index in reindexing.indices() if everything or (index.name in old and old[index.name].needs_reindex)
    ]


def _abort(reindexing: Reindexing, dry_run: bool, as_json: bool) -> None:
    copies = reindexing.unfinished() if dry_run else reindexing.abort()
    if as_json:
        print_json({"copies": copies, "dry_run": dry_run})
        return
    for name in copies:
        results().print(f"{'would delete' if dry_run else 'deleted'} the unfinished copy {clean(name)}")
    if not copies:
        results().print("no run has left anything")


def _plan(reindexing: Reindexing, chosen: Sequence[Index], old: Old, prefix: str, as_json: bool) -> None:
    lines: list[dict[str, Any]] = [
        {
            "index": index.name,
            "to": generation_name(prefix, index.name, generation(prefix, index.name) + 1),
            "records": reindexing.count(index),
            "reasons": [*old[index.name].reasons(), *map(str, old[index.name].fixed)] if index.name in old else [],
        }
        for index in chosen
    ]
    if as_json:
        print_json({"indices": lines, "dry_run": True})
        return
    if not lines:
        results().print("nothing to do: no index needs it")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("index", "would become", "records", "because of"):
        table.add_column(name, justify="right" if name == "records" else "left", overflow="fold")
    for line in lines:
        because = "\n".join(map(clean, line["reasons"])) or "asked for"
        table.add_row(clean(line["index"]), clean(line["to"]), f"{line['records']:,}", because)
    results().print(table)


def _one(reindexing: Reindexing, index: Index, bar: _Shown, as_json: bool) -> Result:
    bar.begin(index.name)
    result = reindexing.reindex(index, bar.step)
    if not as_json:
        _tell(result)
    return result


def _tell(result: Result) -> None:
    if not result.to:
        results().print(f"{clean(result.index)}: retention has removed it meanwhile", soft_wrap=True)
        return
    results().print(
        f"{clean(result.index)} → {clean(result.to)}: {result.records:,} records, the same in both; "
        f"writers waited for {result.waited:.1f} s",
        soft_wrap=True,
    )


class _Shown:
    """Shows how far each index is."""

    def __init__(self, console: Console) -> None:
        self.bar = progress(console, "records")
        self._task = self.bar.add_task("reindexing", total=None, count=0, rate=0.0)
        self._name = ""
        self._started = time.monotonic()

    def begin(self, name: str) -> None:
        """Go on with an index."""
        self._name, self._started = name, time.monotonic()

    def step(self, what: str, done: int, total: int) -> None:
        """Show a step."""
        rate = done / max(time.monotonic() - self._started, 1e-3)
        self.bar.update(
            self._task,
            description=f"{what} {clean(self._name)}",
            total=total or 1,
            completed=done if total else 1,
            count=done,
            rate=rate,
        )


@contextmanager
def _bar(console: Console) -> Iterator[_Shown]:
    shown = _Shown(console)
    try:
        with shown.bar:
            yield shown
    except KeyboardInterrupt:
        console.print("interrupted: every index is as it was or made anew, and the same command goes on from there")
        raise


def _purge(url: str, settings: ElasticsearchSettings) -> None:
    """Take out of the copies' files what was forgotten while they were made."""
    store = open_store(url, settings)
    try:
        with notes().status("merging out what was forgotten meanwhile ..."):
            for _ in store.purge():
                pass
    finally:
        store.close()
