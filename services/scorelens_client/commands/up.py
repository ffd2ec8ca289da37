"""`scorelens up`: the whole system on this machine, until Ctrl-C."""

from __future__ import annotations

import shutil
import sys
import threading
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scorelens_client.addresses import UpSettings
from scorelens_client.home import Home, System
from scorelens_client.options import home_option
from scorelens_client.parts import attempt, indexer_account
from scorelens_client.sign_in import PERSONAS, console_url, sign_in_links
from scorelens_client.system import running, stop_on_signals
from scorelens_client.terminal import notes, results
from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.settings import options
from scorelens_store.contract import Selection
from scorelens_store.open import is_url, open_reader, without_credentials
from scorelens_store.query.tree import Everything


@click.command("up")
@options(UpSettings, "up")
@home_option
def command(settings: UpSettings, home: Home) -> int:
    """Run the whole system on this machine: scorer, sidecar, indexer, store and web console.

    Everything it keeps is in one folder (--home, SCORELENS_HOME) and is there again after a restart; each process logs
    to a file under its `logs`. Ctrl-C stops it, and loses nothing that was answered. Settings of a single part are
    taken from the environment, such as SCORELENS_SIDECAR_REDACT=email.

    \b
    scorelens up
    scorelens up --home /srv/scorelens --sidecar 127.0.0.1:6000
    scorelens up --elasticsearch http://localhost:9200
    """
    stop_on_signals()
    console = notes()
    try:
        with running(home, settings, console) as system:
            print_system(results(), home, system)
            _say_where_the_store_is_away(console, system)
            _say_how_to_sign_in(console, system)
            console.print("Ctrl-C stops everything.", style="dim")
            wait_for_ever()
    except KeyboardInterrupt:
        console.print("stopped")
    return 0


def _say_where_the_store_is_away(console: Console, system: System) -> None:
    account, _ = attempt(lambda: indexer_account(system.indexer))
    if account and not account["store_available"]:
        reason = _refusal(system.store) or f"{public_store(system.store)} does not answer"
        text = f"{reason}; scoring goes on, and what it records waits until the store takes it"
        console.print(text, style="yellow", soft_wrap=True)


def _refusal(store: str) -> str:
    """Return why a store cannot be read, nothing where it can."""
    if not is_url(store):
        return ""
    with closing(open_reader(store)) as reader:
        try:
            reader.count(Selection(Everything()))
        except ScorelensError as error:
            return str(error)
    return ""


def _say_how_to_sign_in(console: Console, system: System) -> None:
    if without_credentials(system.store) != system.store:
        console.print(
            "the password in the URL is kept nowhere; for other commands set SCORELENS_ELASTICSEARCH_USERNAME and "
            "SCORELENS_ELASTICSEARCH_PASSWORD_FILE, or SCORELENS_ELASTICSEARCH_URL to the same URL",
            soft_wrap=True,
        )


def wait_for_ever() -> None:
    """Wait until a signal ends this."""
    while True:
        threading.Event().wait(3600)


def print_system(console: Console, home: Home, system: System) -> None:
    """Print where the parts are and how to use them."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("part", "address", "what it does"):
        table.add_column(name, overflow="fold")
    table.add_row("sidecar", system.sidecar, "call this one: it scores and records", style="bold green")
    table.add_row("scorer", system.scorer, "the models behind it")
    table.add_row("indexer", system.indexer, "takes spans (OTLP/gRPC) and stores them")
    table.add_row("store", public_store(system.store), "everything that was scored")
    if system.console:
        table.add_row("console", console_url(system), "documents, tags and reasons in a browser")
    console.print()
    console.print(table)
    print_links(console, home, system)
    console.print(f"\nIt keeps its data and logs in {home.path}", soft_wrap=True)


def print_links(console: Console, home: Home, system: System) -> None:
    """Print a link for each role that signs in to the console once."""
    links = sign_in_links(home, system)
    if links:
        console.print("\nOpen the console; each link signs in once, and `scorelens console link` makes another:")
    for role, link in links.items():
        console.print(f"  {PERSONAS[role]}:", style="dim")
        console.print(Text(f"  {link}", f"link {link}"), soft_wrap=True)


def public_store(store: str) -> str:
    """Name a store without the password that its URL may carry."""
    return without_credentials(store) if is_url(store) else "embedded"


def command_name() -> str:
    """Return how a person calls this command from where they are."""
    found = shutil.which("scorelens")
    own = Path(sys.argv[0])
    if found and own.name == "scorelens" and Path(found).resolve() == own.resolve():
        return "scorelens"
    beside = Path(sys.executable).with_name("scorelens")
    try:
        return str(beside.relative_to(Path.cwd()))
    except ValueError:
        return str(beside)
