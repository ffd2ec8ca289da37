"""`scorelens elasticsearch reindex`: the records of an index indexed anew, after a change of the mapping."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from scorelens_client.home import Home
from scorelens_client.options import home_option, json_option
from scorelens_client.server import server_of, server_option
from scorelens_client.system import TOLD, told_to_stop
from scorelens_client.terminal import clean, notes, print_json, progress, results
from scorelens_runtime.errors import ScorelensError
from scorelens_store.elasticsearch.differences import IndexDifference
from scorelens_store.elasticsearch.reindexing.disk import in_words
from scorelens_store.elasticsearch.reindexing.report import Result
from scorelens_store.elasticsearch.reindexing.run import Reindexing, open_reindexing
from scorelens_store.elasticsearch.reindexing.state import Index
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.setup import open_setup
from scorelens_store.errors import RecordRefusedError, StoreUnavailableError

NOTE_EVERY: Final = 10.0
"""Seconds between two lines where nobody watches."""

Old = Mapping[str, IndexDifference]
Failures = dict[str, str]
"""Why an index could not be made anew, by its name."""


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
) -> int:
    """Index records anew after a change that no index takes up in place, while they are read and written.

    Of each index a copy is made by the templates of now, and put in its place by one request when it is the same.
    Searches see the old one until then. Records, labels and forgetting wait for a moment at the end, and nothing is
    lost: senders keep what they have. The disks need room for a copy of the largest index. A run that was interrupted
    or killed changes nothing, and the next one goes on from there; one that meets a server which is away waits for it.

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
            return 0
        old = _old(url, settings)
        chosen = _chosen(reindexing, old, names, everything)
        if dry_run:
            _plan(reindexing, chosen, old, as_json)
            return 0
        done, failed = _run(reindexing, chosen, as_json)
        left = reindexing.unfinished()
    if as_json:
        _print_json(done, failed)
    else:
        _conclude(chosen, left)
    return 1 if failed else 0


def _run(reindexing: Reindexing, chosen: Sequence[Index], as_json: bool) -> tuple[list[Result], Failures]:
    """Make indices anew; one with a record that the templates refuse keeps no other from it."""
    done: list[Result] = []
    failed: Failures = {}
    shown = _Shown(notes())
    try:
        # Without any index to make anew as well: a run that was killed may have left a write block.
        with _stopped_by_signals(), reindexing.held(), shown.bar:
            for index in chosen:
                shown.begin(index.name)
                try:
                    done.append(reindexing.reindex(index, shown))
                except RecordRefusedError as error:
                    failed[index.name] = str(error)
                    notes().print(f"{clean(index.name)}: {clean(str(error))}", style="red", soft_wrap=True)
                else:
                    if not as_json:
                        _tell(done[-1])
    except BaseException as error:
        if as_json and done:
            _print_json(done, failed)
        if isinstance(error, KeyboardInterrupt):
            notes().print(
                "interrupted: every index is as it was or made anew, and the same command goes on from there "
                "(--abort deletes what was copied)",
                soft_wrap=True,
            )
        raise
    return done, failed


def _print_json(done: Sequence[Result], failed: Failures) -> None:
    reasons = [{"index": name, "reason": reason} for name, reason in failed.items()]
    print_json({"indices": list(map(asdict, done)), "failed": reasons})


def _conclude(chosen: Sequence[Index], left: Sequence[str]) -> None:
    if not chosen:
        results().print("nothing to do: no index needs it")
    for name in left:
        results().print(
            f"a copy is left that is not finished, {clean(name)}: `scorelens elasticsearch reindex --abort` deletes it",
            soft_wrap=True,
        )


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


def _plan(reindexing: Reindexing, chosen: Sequence[Index], old: Old, as_json: bool) -> None:
    server = reindexing.server
    state = server.state()
    sizes = [server.size(index.name) for index in chosen]
    lines: list[dict[str, Any]] = [
        {
            "index": index.name,
            "to": state.next_name(index),
            "records": server.count(index.name),
            "bytes": size,
            "reasons": [*old[index.name].reasons(), *map(str, old[index.name].fixed)] if index.name in old else [],
        }
        for index, size in zip(chosen, sizes, strict=True)
    ]
    shortage = server.shortage(max(sizes, default=0))
    if as_json:
        print_json({"indices": lines, "shortage": shortage or None, "dry_run": True})
        return
    if not lines:
        results().print("nothing to do: no index needs it")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("index", "would become", "records", "size", "because of"):
        number = name in ("records", "size")
        table.add_column(name, justify="right" if number else "left", no_wrap=name != "because of", overflow="fold")
    for line in lines:
        because = "\n".join(map(clean, line["reasons"])) or "asked for"
        size = in_words(line["bytes"])
        table.add_row(clean(line["index"]), clean(line["to"]), f"{line['records']:,}", size, because)
    results().print(table)
    if shortage:
        results().print(f"the largest has no room: {shortage}", style="red", soft_wrap=True)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does, so that no write block stays."""
    before = {number: signal.signal(number, told_to_stop) for number in TOLD}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(result: Result) -> None:
    if not result.to:
        results().print(f"{clean(result.index)}: retention has removed it meanwhile", soft_wrap=True)
        return
    results().print(
        f"{clean(result.index)} → {clean(result.to)}: {result.records:,} records, the same in both; "
        f"writers waited for {result.waited:.1f} s",
        soft_wrap=True,
    )
    if result.unmerged:
        results().print(f"files may hold what was forgotten meanwhile: {clean(result.unmerged)}", soft_wrap=True)


class _Shown:
    """Shows how far each index is: as a bar, or as a line now and then where nobody watches."""

    def __init__(self, console: Console) -> None:
        self.bar = progress(console, "records")
        self._console = console
        self._task = self.bar.add_task("reindexing", total=None, count=0, rate=0.0)
        self._name = self._said = ""
        self._started = self._noted = time.monotonic()

    def begin(self, name: str) -> None:
        """Go on with an index."""
        self._name, self._started = name, time.monotonic()

    def step(self, what: str, done: int, total: int) -> None:
        """Show a step."""
        self._said = ""
        now = time.monotonic()
        rate = done / max(now - self._started, 1e-3)
        about = f"{what} {clean(self._name)}"
        self.bar.update(
            self._task,
            description=about,
            total=total or 1,
            completed=done if total else 1,
            count=done,
            rate=rate,
        )
        if self.bar.disable and now - self._noted > NOTE_EVERY:
            self._noted = now
            self._console.print(f"{about}: {done:,} of {total:,} records ({rate:,.0f}/s)", soft_wrap=True)

    def wait(self, error: StoreUnavailableError) -> None:
        """Say that the server is away, once for as long as it says nothing else."""
        if self._said != str(error):
            self._said = str(error)
            self._console.print(f"{clean(str(error))}; waiting", style="yellow", soft_wrap=True)
