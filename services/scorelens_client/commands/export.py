"""`scorelens export`: records as Parquet tables, for DuckDB, Spark, Polars and warehouses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress as Bar

from scorelens_client.bulk.resuming import calls as calls_of
from scorelens_client.export.registry import remember
from scorelens_client.export.run import Report, Run, choose_scope, selection_of
from scorelens_client.home import Home
from scorelens_client.options import chosen, home_option, json_option, source_options, time_options
from scorelens_client.reading import Source, open_source, store_of
from scorelens_client.sdk.errors import NotAllowedError
from scorelens_client.terminal import clean, notes, print_json, progress
from scorelens_reading.seen import purposes_of
from scorelens_store.tables.folder import ExportFolder, hold, make
from scorelens_store.tables.manifest import Manifest

SHOWN = 10
EVERY = 200
NOT_WHOLE = (
    "an export has whole records, which data scientists of every model see; the console's token has another role. "
    "`scorelens search --output FILE` writes what it may see"
)


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("query", nargs=-1)
@time_options
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    type=click.Choice(("production", "explain", "replay", "test", "all")),
    help="Purposes of the calls to export; may be repeated.  [default: production]",
)
@click.option("--calls", is_flag=True, help="Export calls that scored no document, too.")
@click.option(
    "--verify",
    is_flag=True,
    help="Compare every id and label instead of counts; export anew what changed, is missing or damaged.",
)
@source_options
@json_option("Print what was exported as one JSON object.")
@home_option
def command(
    folder: Path,
    query: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    purposes: tuple[str, ...],
    calls: bool,
    verify: bool,
    source: Source,
    as_json: bool,
    home: Home,
) -> int:
    """Export records into FOLDER as Parquet tables: documents, scores (one row per tag), terms (one per term).

    Run again, it adds what is new, also what came late, and nothing twice. It may be interrupted or killed at any
    moment: the next run goes on. A query and --purpose belong to the folder from its first export on; --since and
    --until narrow one run.

    \b
    scorelens export warehouse                            all that is new since the last time
    scorelens export warehouse --since 7d                 only of the last week
    scorelens export complaints 'tag:complaint'           only what matches a query
    duckdb -c "SELECT tag, count(*) FROM 'warehouse/scores/*/*.parquet' WHERE selected GROUP BY ALL"
    duckdb -c "SET VARIABLE folder = 'warehouse'" -f docs/queries/driving_terms.sql
    """
    folder = folder.expanduser().absolute()
    started = time.monotonic()
    console = notes()
    wanted = chosen(purposes) if purposes else None
    with ExitStack() as stack:
        reader = stack.enter_context(open_source(home, source))
        if purposes_of(reader):
            raise NotAllowedError(NOT_WHOLE)
        selection_of(choose_scope(None, " ".join(query), wanted, calls), since, until)  # wrong queries make no folder
        make(folder)
        held = stack.enter_context(hold(folder))
        remember(home.path, folder)
        manifest = held.manifest()
        scope = choose_scope(manifest, " ".join(query), wanted, calls)
        where = source.console.url if source.console else store_of(home, source.store)
        if manifest is None:
            held.save(Manifest(scope))
        bar = Shown(stack.enter_context(progress(console, "records")))
        run = Run(reader, selection_of(scope, since, until), held, bar, verify)
        stack.enter_context(_saying_how_far(run, console))
        report = run.export()
        held.save(Manifest(scope, _without_credentials(where), datetime.now(UTC).isoformat(timespec="seconds")))
        bar.finish()
        summary = summarise(held, report, time.monotonic() - started)
    if as_json:
        print_json({"folder": str(folder), **summary})
    else:
        _print(console, folder, summary)
    _say_what_is_on_its_way(home, console)
    return 0


def _say_what_is_on_its_way(home: Home, console: Console) -> None:
    recorded = calls_of(home) if home.running() else None
    if recorded and recorded.spooled:
        left = "1 call is" if recorded.spooled == 1 else f"{recorded.spooled:,} calls are"
        console.print(f"{left} still on the way to the store; the next export takes them", soft_wrap=True)


class Shown:
    """Shows how far a run is."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("exporting", total=None, count=0, rate=0.0)
        self._started = time.monotonic()
        self._expected = self._read = self._new = 0

    def expect(self, records: int) -> None:
        """Take how many records will be read, about."""
        self._expected = records
        self._show()

    def read(self, is_new: bool) -> None:
        """Count a record."""
        self._read += 1
        self._new += is_new
        if self._read % EVERY == 0:
            self._show()

    def finish(self) -> None:
        """Show the end."""
        self._expected = self._read
        self._show()

    def _show(self) -> None:
        rate = self._read / max(time.monotonic() - self._started, 1e-3)
        total = max(self._expected, self._read)
        self._bar.update(self._task, total=total, completed=self._read, count=self._new, rate=rate)


@contextmanager
def _saying_how_far(run: Run, console: Console) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        console.print("interrupted: what is in the folder is whole, and the same command goes on from there")
        raise


def summarise(held: ExportFolder, report: Report, seconds: float) -> dict[str, Any]:
    """Return what a run did and what the folder has now."""
    partitions = [held.partition(day) for day in held.days()]
    parts = [part for partition in partitions for part in partition.parts.values()]
    tables = {name: sum(getattr(part, name) for part in parts) for name in ("documents", "scores", "terms")}
    return {
        "exported": report.exported,
        "days": sorted(map(str, report.days)),
        "seconds": round(seconds, 3),
        "tables": tables,
        "parts": len(parts),
        "bytes": sum(part.bytes for part in parts),
        "relabelled": report.relabelled,
        "only_here": report.only_here,
        "mended": report.mended,
    }


def _print(console: Console, folder: Path, summary: dict[str, Any]) -> None:
    count, days, tables = summary["exported"], summary["days"], summary["tables"]
    rate = f" in {summary['seconds']:.1f} s ({count / max(summary['seconds'], 1e-3):,.0f}/s)" if count else ""
    of_days = f", of {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") if days else ""
    for fault in summary["mended"][:SHOWN]:
        console.print(f"exported anew: {clean(fault)}", style="yellow", soft_wrap=True)
    console.print(f"exported {count:,} record{'' if count == 1 else 's'}{of_days}{rate}", style="bold", soft_wrap=True)
    if summary["relabelled"]:
        console.print(f"{summary['relabelled']:,} of them had other labels before", soft_wrap=True)
    if summary["only_here"]:
        console.print(f"{summary['only_here']:,} records are in the folder and no longer in the store", soft_wrap=True)
    rows = ", ".join(f"{number:,} {name}" for name, number in tables.items())
    console.print(f"{clean(str(folder))}: {rows}, {summary['bytes'] / 1e6:,.1f} MB", soft_wrap=True)


def _without_credentials(where: str) -> str:
    scheme, separator, rest = where.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else where
