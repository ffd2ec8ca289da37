"""`scorelens elasticsearch setup`: templates, alias and fields, created and upgraded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from scorelens_client.home import Home
from scorelens_client.options import home_option, json_option
from scorelens_client.server import server_of, server_option
from scorelens_client.terminal import clean, notes, print_json, results
from scorelens_runtime.settings import duration_of
from scorelens_store.elasticsearch.differences import Change, IndexDifference
from scorelens_store.elasticsearch.errors import REFUSED
from scorelens_store.elasticsearch.mapping import VERSION
from scorelens_store.elasticsearch.plan import Plan, Step
from scorelens_store.elasticsearch.setup import Setup, open_setup
from scorelens_store.errors import StoreUnavailableError

_SHOWN = 12
"""Most differences of one thing that are shown to people; --json has all of them."""


@click.command("setup")
@server_option
@click.option("--dry-run", is_flag=True, help="Show what would be created or changed, and change nothing.")
@click.option(
    "--wait",
    metavar="TIME",
    default="0s",
    help="Wait so long for a server that is starting, such as 5m.  [default: 0s]",
)
@json_option("Print one JSON object.")
@home_option
def command(store: str | None, dry_run: bool, wait: str, as_json: bool, home: Home) -> None:
    """Create what records need in Elasticsearch, or bring it up to date: templates, the alias, fields and limits.

    Nothing is ever deleted, running it again does no harm, and what a newer scorelens set up stays. Settings are the
    variables SCORELENS_ELASTICSEARCH_* (docs/settings.md): shards, replicas, codec and refresh are those of indices
    that are made from now on. What cannot be changed in place is named: `scorelens elasticsearch reindex` does that.

    \b
    scorelens elasticsearch setup --dry-run
    scorelens elasticsearch setup --store https://search.example:9200
    SCORELENS_ELASTICSEARCH_REPLICAS=2 scorelens elasticsearch setup
    scorelens elasticsearch setup --dry-run --json | jq -r '.steps[].what'
    scorelens elasticsearch setup --wait 10m               a server that is being started
    """
    seconds = duration_of("--wait", wait)
    url, settings = server_of(home, store)
    console = results()
    with open_setup(url, settings) as setup:
        plan = _plan(setup, seconds)
        if not as_json:
            console.print(f"{clean(setup.where)}, prefix {settings.prefix}, version {VERSION}", soft_wrap=True)
        if dry_run and not as_json:
            _show(console, plan.steps, "would create", "would change")
        elif not dry_run:
            setup.apply(plan, (lambda step: None) if as_json else lambda step: _show(console, [step]))
    if as_json:
        print_json(_as_json(setup.where, settings.prefix, plan, dry_run=dry_run))
    else:
        _conclude(console, plan)


def _plan(setup: Setup, seconds: float) -> Plan:
    """Return what there is to do, once the server answers. What it refuses is not waited for."""
    limit, told = time.monotonic() + seconds, False
    while True:
        try:
            return setup.plan()
        except StoreUnavailableError as error:
            if error.retry_after >= REFUSED or time.monotonic() + error.retry_after > limit:
                raise
            if not told:
                notes().print(f"{clean(str(error))}; waiting for it for up to {seconds:g} s", soft_wrap=True)
                told = True
            time.sleep(error.retry_after)


def _show(console: Console, steps: Iterable[Step], create: str = "created", change: str = "changed") -> None:
    for step in steps:
        verb = Text(f"{change if step.changes else create} ", "yellow" if step.changes else "green")
        console.print(verb.append(clean(step.what), "bold"), soft_wrap=True)
        for line in step.changes[:_SHOWN]:
            console.print(f"    {clean(str(line))}", style="dim", soft_wrap=True)
        if len(step.changes) > _SHOWN:
            console.print(f"    and {len(step.changes) - _SHOWN} more (--json)", style="dim")


def _conclude(console: Console, plan: Plan) -> None:
    if plan.newer:
        console.print(f"nothing to do: a newer scorelens set it up (version {plan.newer}), which stays as it is")
        return
    if not plan.steps:
        console.print("nothing to do: all of it is as the settings say")
    stale = [one for one in plan.left if one.needs_reindex]
    for one in plan.left:
        _print_left(console, one)
    if stale:
        again = "to be made anew with `scorelens elasticsearch reindex --all-old`, which loses nothing"
        console.print(again, style="yellow", soft_wrap=True)
    elif plan.left:
        console.print(
            "records there are searched all the same; `scorelens elasticsearch reindex --all` would change that",
            soft_wrap=True,
        )


def _print_left(console: Console, one: IndexDifference) -> None:
    console.print(f"not in place: index {clean(one.index)}", style="bold yellow", soft_wrap=True)
    for line in (*one.reasons(), *map(str, one.fixed)):
        console.print(f"    {clean(line)}", style="dim", soft_wrap=True)


def _as_json(where: str, prefix: str, plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    return {
        "store": where,
        "prefix": prefix,
        "version": VERSION,
        "newer": plan.newer or None,
        "dry_run": dry_run,
        "steps": [
            {
                "what": step.what,
                "action": "change" if step.changes else "create",
                "changes": list(map(_change, step.changes)),
            }
            for step in plan.steps
        ],
        "left": [
            {
                "index": one.index,
                "version": one.version,
                "reindex": one.needs_reindex,
                "reasons": one.reasons(),
                "settings": list(map(_change, one.fixed)),
            }
            for one in plan.left
        ],
    }


def _change(change: Change) -> dict[str, str | None]:
    return {"name": change.name, "from": change.before, "to": change.after}
