"""`scorelens kibana import`: data view, saved searches and dashboards, into one space of a Kibana."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scorelens_client.home import Home
from scorelens_client.kibana.client import KibanaClient
from scorelens_client.kibana.importing import Imported, import_objects, require_space, wait_until_ready, would_import
from scorelens_client.kibana.objects import saved_objects, to_ndjson
from scorelens_client.kibana.viewing import view_of, view_options
from scorelens_client.options import home_option, json_option, store_option
from scorelens_client.terminal import clean, notes, print_json, results
from scorelens_reading.kibana.links import Kibana
from scorelens_reading.kibana.settings import KibanaSettings, from_environment

KINDS: Final = {"index-pattern": "data view", "search": "saved search", "dashboard": "dashboard"}
_ORDER: Final = ("would be imported", "created", "replaced", "kept", "left out", "failed")


@click.command("import")
@click.option("--url", metavar="URL", help="Address of Kibana with its base path.  [SCORELENS_KIBANA_URL]")
@click.option("--space", metavar="ID", help="Space to import into.  [SCORELENS_KIBANA_SPACE; default: the default one]")
@click.option("--create-space", is_flag=True, help="Create the space where there is none.")
@click.option(
    "--overwrite/--no-overwrite",
    default=True,
    help="Replace objects of an earlier import, with what was changed in them in Kibana, or keep them as they are.  "
    "[default: --overwrite]",
)
@click.option("--wait", metavar="TIME", help="Wait so long for a Kibana that is starting; 0s does not.  [default: 60s]")
@click.option("--dry-run", is_flag=True, help="Show what would be imported, and send nothing.")
@view_options
@store_option
@json_option("Print what became of each object as one JSON object.")
@home_option
def command(
    url: str | None,
    space: str | None,
    create_space: bool,
    overwrite: bool,
    wait: str | None,
    dry_run: bool,
    tags: tuple[str, ...],
    console_url: str | None,
    store: str | None,
    as_json: bool,
    home: Home,
) -> int:
    """Bring a data view, saved searches and dashboards into a Kibana that reads the store's Elasticsearch.

    The tags that get panels of their own are read from the store, unless --tag names them. Objects keep their ids, so
    that importing again makes none twice. One signs in by SCORELENS_KIBANA_API_KEY_FILE, or SCORELENS_KIBANA_USERNAME
    and SCORELENS_KIBANA_PASSWORD_FILE; SCORELENS_KIBANA_CA_FILE names an authority of your own.

    \b
    scorelens kibana import --url https://kibana.example:5601
    scorelens kibana import --space marketing --create-space
    scorelens kibana import --no-overwrite                 leave alone what is there
    scorelens kibana import --dry-run --tag complaint --tag praise
    """
    settings = from_environment(url=url, space=space, console_url=console_url, wait=wait)
    client = None if dry_run else KibanaClient(settings)
    console = notes()
    view = view_of(home, store, tags, settings.console_url, _teller(console))
    objects = saved_objects(view)
    version, created = "", False
    if client is None:
        done = would_import(objects)
    else:
        with closing(client):
            version = wait_until_ready(client, settings.wait, _teller(console))
            created = require_space(client, settings.space, create=create_space)
            done = import_objects(client, objects, to_ndjson(objects), overwrite=overwrite)
    if as_json:
        print_json(summarise(settings, version, created, view.tags, done))
    else:
        _print(settings, created, view.tags, done)
        _print_summary(console, done, "" if dry_run else Kibana(settings, view.prefix).dashboards())
    return 1 if any(one.outcome == "failed" for one in done) else 0


def summarise(
    settings: KibanaSettings, version: str, created: bool, tags: Sequence[str], done: Sequence[Imported]
) -> dict[str, Any]:
    """Return what became of each object."""
    return {
        "url": settings.url,
        "version": version,
        "space": settings.space or "default",
        "space_created": created,
        "tags": list(tags),
        "counts": dict(Counter(one.outcome for one in done)),
        "objects": [
            {"type": one.type, "id": one.id, "title": one.title, "outcome": one.outcome}
            | ({"reason": one.reason} if one.reason else {})
            for one in done
        ],
    }


def _print(settings: KibanaSettings, created: bool, tags: Sequence[str], done: Sequence[Imported]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("what", "title", "outcome"):
        table.add_column(name, overflow="fold")
    for one in done:
        outcome = Text(one.outcome, "bold red" if one.outcome == "failed" else "")
        outcome.append(f": {one.reason}" if one.reason else "", "not bold")
        table.add_row(KINDS.get(one.type, one.type), clean(one.title), outcome)
    console = results()
    if created:
        console.print(f"created the space {settings.space}")
    console.print(table)
    named = ", ".join(map(clean, tags)) or "none; score some documents first, or name them with --tag"
    console.print(f"tags with panels of their own: {named}", soft_wrap=True)


def _print_summary(console: Console, done: Sequence[Imported], dashboards: str) -> None:
    counts = Counter(one.outcome for one in done)
    told = ", ".join(f"{counts[name]} {name}" for name in _ORDER if counts[name])
    console.print(f"{len(done)} objects: {told}", style="bold")
    if counts["left out"]:
        console.print("Kibana imports none of them while one has something in its way", soft_wrap=True)
    if counts["replaced"]:
        console.print(
            "what was changed in replaced objects in Kibana is gone; copy them under a name of your own before you "
            "change them, or import with --no-overwrite",
            soft_wrap=True,
        )
    if dashboards:
        console.print(dashboards, soft_wrap=True)


def _teller(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(clean(text), style="yellow", soft_wrap=True)
