"""The `scorelens rebuild` command: looks for damage in an embedded store, and fills a new index."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from scorelens_indexer.account import Account
from scorelens_indexer.server import FolderInUseError, lock_folder
from scorelens_indexer.settings import folder_of
from scorelens_runtime.errors import MissingExtraError, ScorelensError, SettingError
from scorelens_store.contract import Outcome, Record, Selection
from scorelens_store.embedded import open_reader
from scorelens_store.embedded.check import bytes_to_check, has_index
from scorelens_store.embedded.files import size_of
from scorelens_store.embedded.rebuild import ASIDE, faults_of, fill, set_aside
from scorelens_store.open import is_url, read_store
from scorelens_store.query.tree import Everything

DAMAGED = 3
_EVERYTHING = Selection(Everything(), purposes=(), calls=True)


@dataclass(frozen=True)
class Places:
    """The folder of the store, and that of the indexer with its lock and account."""

    store: Path
    indexer: Path


@click.command()
@click.option("--check", is_flag=True, help="Only look for damage, reading every file; the exit status is 3 with any.")
@click.option(
    "--from-export",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Fill the index from this folder, which `scorelens export` wrote.",
)
@click.option(
    "--empty", is_flag=True, help="Begin an empty index in place of a damaged one, to fill it from the spool."
)
@click.option(
    "--store",
    default="",
    envvar="SCORELENS_INDEXER_STORE",
    metavar="FOLDER",
    help="Folder of the embedded store.  [default: SCORELENS_HOME/store]",
)
@click.option(
    "--folder",
    default="",
    envvar="SCORELENS_INDEXER_FOLDER",
    metavar="FOLDER",
    help="Folder of the indexer.  [default: SCORELENS_HOME/indexer]",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    envvar="SCORELENS_HOME",
    metavar="FOLDER",
    help="Folder of the system, where both are unless they are named.  [default: SCORELENS_HOME]",
)
def command(check: bool, from_export: Path | None, empty: bool, store: str, folder: str, home: Path | None) -> None:
    """Find damage in the embedded store, and make its index anew. The system (`scorelens up`) has to be stopped.

    \b
    scorelens rebuild --check                        read every file and say what is damaged
    scorelens rebuild --from-export exports/         a new index from exported tables
    scorelens rebuild --empty                        a new index, to be filled from the spool

    A damaged index is moved aside, never deleted; what was forgotten stays forgotten. Filling again, or from a second
    export, adds what is missing and nothing twice, so an interrupted rebuild is simply started again. Labels come back
    as far as the export has them. What no export has may still be in a sidecar's spool (setting --spool-keep):

    \b
    python -m scorelens_sidecar.resend --folder SCORELENS_HOME/sidecar --destination http://127.0.0.1:4317
    """
    if sum(map(bool, (check, from_export, empty))) != 1:
        raise SettingError("give one of --check, --from-export FOLDER and --empty")
    if home is not None:
        store, folder = store or str(home / "store"), folder or str(home / "indexer")
    where = read_store(store)
    if is_url(where):
        raise SettingError("setting --store: an Elasticsearch is restored from its snapshots; this is for a folder")
    places = Places(Path(where), folder_of(folder))
    with _locked(places.indexer):
        faults = _look(places.store)
        if check:
            sys.exit(_tell(places.store, faults))
        if faults:
            _move(places.store, faults)
        if from_export:
            sys.exit(_fill(places, from_export))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        lock = lock_folder(folder)
    except FolderInUseError as error:
        raise ScorelensError(
            f"an indexer is running on {folder}: stop it first, with Ctrl-C where `scorelens up` runs"
        ) from error
    try:
        yield
    finally:
        os.close(lock)


def _look(store: Path) -> list[str]:
    if not has_index(store):
        return []
    with click.progressbar(length=bytes_to_check(store), label="checking", file=sys.stderr) as bar:
        return faults_of(store, bar.update)


def _tell(store: Path, faults: list[str]) -> int:
    for fault in faults:
        click.echo(f"damaged: {fault}")
    if faults:
        click.echo("make it anew with: scorelens rebuild --from-export FOLDER, or --empty and then from the spool")
        return DAMAGED
    click.echo(f"{store} is whole: {_count(store):,} records" if has_index(store) else f"{store} has no index")
    return 0


def _move(store: Path, faults: list[str]) -> None:
    for fault in faults:
        click.echo(f"damaged: {fault}")
    aside = set_aside(store, faults)
    click.echo(f"moved aside: {aside} ({size_of(aside) / 2**20:,.1f} MiB); delete it when nothing is missing")
    if any(aside.glob("tombstones*")) or not (store / "tombstones").exists():
        click.echo("what was forgotten is no longer known: forget it again once the indexer runs")


def _fill(places: Places, export: Path) -> int:
    fault = ""

    def records() -> Iterator[Record]:
        nonlocal fault
        try:
            yield from _read(export)
        except ScorelensError as error:  # what could be read was yielded before
            fault = str(error)

    with click.progressbar(length=_exported(export), label="filling", file=sys.stderr) as bar:
        outcomes = fill(places.store, records(), bar.update)
    _tell_outcomes(outcomes)
    _tell_missing(places)
    if fault:
        click.echo(f"not everything of the export could be read: {fault}", err=True)
    return int(bool(fault or outcomes[Outcome.REJECTED]))


def _read(export: Path) -> Iterator[Record]:
    try:
        from scorelens_store.tables import read_records
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"reading an export needs {error.name}: pip install 'scorelens[client]'") from error
    yield from read_records(export)


def _exported(export: Path) -> int:
    try:
        from scorelens_store.tables.folder import look
    except ModuleNotFoundError:
        return 0
    try:
        with look(export) as held:
            return sum(held.partition(day).exported for day in held.days())
    except ScorelensError:
        return 0


def _tell_outcomes(outcomes: Counter[Outcome]) -> None:
    click.echo(
        f"stored {outcomes[Outcome.STORED]:,} records; {outcomes[Outcome.DUPLICATE]:,} were there already, "
        f"{outcomes[Outcome.FORGOTTEN]:,} stay forgotten, {outcomes[Outcome.REJECTED]:,} could not be stored"
    )


def _tell_missing(places: Places) -> None:
    """Compare the store with what the indexer's account says was stored."""
    account = Account(places.indexer / "account")
    counts, found = account.counts(), _count(places.store)
    account.close()
    due = counts.stored - counts.expired
    if found >= due:
        click.echo(f"the store has {found:,} records, no fewer than the account of the indexer has")
        return
    click.echo(
        f"the store has {found:,} records; the account of the indexer has {due:,} that were stored and not removed by "
        f"age, so {due - found:,} are missing, forgotten ones among them. What a sidecar still has comes with\n"
        "  python -m scorelens_sidecar.resend --folder SIDECAR_FOLDER --destination RECEIVER"
    )


def _count(store: Path) -> int:
    reader = open_reader(store)
    try:
        return reader.count(_EVERYTHING)
    finally:
        reader.close()


__all__ = ["ASIDE", "DAMAGED", "command"]
