"""`scorelens kibana objects`: the saved objects as a file, for those who import through Kibana's own pages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from scorelens_client.home import Home
from scorelens_client.kibana.contents import Row, contents
from scorelens_client.kibana.objects import saved_objects, to_ndjson
from scorelens_client.kibana.viewing import view_of, view_options
from scorelens_client.options import home_option, json_option, store_option
from scorelens_client.terminal import clean, notes, print_json, results
from scorelens_reading.kibana.settings import from_environment
from scorelens_runtime.errors import ScorelensError


@click.command("objects")
@click.option("--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write there, not to standard output.")
@click.option("--list", "as_list", is_flag=True, help="Print what the objects hold, as a table, not the objects.")
@view_options
@store_option
@json_option("With --list, print one row per line as JSON.")
@home_option
def command(
    output: str | None,
    as_list: bool,
    tags: tuple[str, ...],
    console_url: str | None,
    store: str | None,
    as_json: bool,
    home: Home,
) -> None:
    """Print data view, saved searches and dashboards, one object per line, as Kibana imports them.

    The same view gives the same bytes, so that the file can be kept under version control. In Kibana it is imported in
    Stack Management > Saved Objects > Import, with "Check for existing objects" chosen. Kibana 8.14 and later take it.

    \b
    scorelens kibana objects --output scorelens.ndjson
    scorelens kibana objects --tag complaint --tag praise > scorelens.ndjson      these tags only
    scorelens kibana objects --list                                               what Kibana will show
    scorelens kibana objects --list --json | jq -r 'select(.kind == "search") | .shows'
    """
    if as_json and not as_list:
        raise click.UsageError("--json goes with --list; without it, every line is JSON already")
    settings = from_environment(console_url=console_url)
    console = notes()
    view = view_of(home, store, tags, settings.console_url, lambda text: console.print(clean(text), soft_wrap=True))
    if as_list:
        _list(list(contents(view)), as_json)
        return
    objects = saved_objects(view)
    _write(to_ndjson(objects), output)
    if output:
        console.print(f"{len(objects)} saved objects for {len(view.tags)} tags are in {clean(output)}", soft_wrap=True)


def _write(lines: bytes, output: str | None) -> None:
    if output is None:
        sys.stdout.buffer.write(lines)
        return
    try:
        Path(output).write_bytes(lines)
    except OSError as error:
        raise ScorelensError(f"--output: {output} cannot be written: {error.strerror}") from error


def _list(rows: Sequence[Row], as_json: bool) -> None:
    if as_json:
        for row in rows:
            print_json(row._asdict())
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("what", "on", "title", "shows"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row.kind, row.dashboard, clean(row.title), clean(row.shows))
    results().print(table)
