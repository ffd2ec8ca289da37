"""`scorelens status`: what became of every call, adding up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scorelens_client.home import Home, System
from scorelens_client.options import home_option, json_option
from scorelens_client.parts import (
    INDEXER_HELP,
    answers,
    attempt,
    indexer_account,
    indexer_address,
    is_serving,
    sidecar_account,
)
from scorelens_client.sign_in import console_url
from scorelens_client.terminal import clean, print_json, results

INDEXER_SUM = ("stored", "duplicates", "forgotten", "dead_letters", "ignored", "refused")


@click.command("status")
@click.option("--indexer", metavar="HOST:PORT", help=INDEXER_HELP)
@click.option("--sidecar-folder", metavar="FOLDER", help="Folder of the sidecar.  [default: sidecar in --home]")
@json_option("Print one JSON object.")
@home_option
def command(indexer: str | None, sidecar_folder: str | None, as_json: bool, home: Home) -> int:
    """Show what became of every call, per part and destination.

    Of every call that the sidecar saw: seen = acknowledged + spooled + dropped + sampled out. Of every span that the
    indexer received: received = stored + duplicates + forgotten + dead letters + ignored + refused. Works while parts
    are down, and says which; then, or when a sum does not add up, the exit status is 1.

    \b
    scorelens status
    scorelens status --json | jq '.sidecar.relays[].destinations[].spooled'
    """
    status = collect(home, indexer, Path(sidecar_folder).absolute() if sidecar_folder else home.sidecar)
    if as_json:
        print_json(status)
    else:
        print_status(results(), status)
    return 0 if status["healthy"] else 1


def collect(home: Home, indexer: str | None = None, folder: Path | None = None) -> dict[str, Any]:
    """Ask every part; what does not answer is said so under its name."""
    system = home.running()
    sidecar, sidecar_error = attempt(lambda: sidecar_account(folder or home.sidecar))
    address = indexer_address(home, indexer)
    indexed, indexer_error = attempt(lambda: indexer_account(address)) if address else (None, "it does not run")
    if indexed:
        indexed["adds_up"] = indexed["received"] == sum(indexed[name] for name in INDEXER_SUM)
    parts = _parts(system)
    sums = [one["adds_up"] for one in (sidecar, indexed) if one]
    well = bool(sidecar and indexed and indexed["store_available"]) and all(part["serving"] for part in parts)
    return {
        "home": str(home.path),
        "running": system is not None,
        "healthy": well and all(sums),
        "adds_up": all(sums),
        "parts": parts,
        "sidecar": sidecar,
        "sidecar_error": sidecar_error,
        "indexer": indexed,
        "indexer_error": indexer_error,
    }


def spooled(status: Mapping[str, Any]) -> int:
    """Return how many records still wait in spools, over all destinations."""
    return sum(one["spooled"] for one in _destinations(status) if one["configured"])


def print_status(console: Console, status: Mapping[str, Any]) -> None:
    """Print the parts and both accounts as sums."""
    if not status["running"]:
        console.print(f"no system runs in {status['home']}", style="yellow", soft_wrap=True)
    elif status["parts"]:
        console.print(_part_table(status["parts"]))
    console.print()
    _print_sidecar(console, status)
    console.print()
    _print_indexer(console, status)


def _parts(system: System | None) -> list[dict[str, Any]]:
    if system is None:
        return []
    parts = [
        {"name": name, "address": address, "serving": is_serving(address)}
        for name, address in (("sidecar", system.sidecar), ("scorer", system.scorer), ("indexer", system.indexer))
    ]
    if system.console:
        parts.append({"name": "console", "address": console_url(system), "serving": answers(console_url(system))})
    return parts


def _part_table(parts: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("part", "address", "state"):
        table.add_column(name)
    for part in parts:
        state = Text("serving", "green") if part["serving"] else Text("does not answer", "bold red")
        table.add_row(part["name"], part["address"], state)
    return table


def _destinations(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    relays = (status["sidecar"] or {}).get("relays", ())
    return [one for relay in relays for one in relay["destinations"]]


def _print_sidecar(console: Console, status: Mapping[str, Any]) -> None:
    console.print("sidecar: what became of every call record", style="bold")
    if status["sidecar_error"]:
        console.print(f"  {clean(status['sidecar_error'])}", style="red", soft_wrap=True)
        return
    destinations = _destinations(status)
    if not destinations:
        console.print("  nothing was recorded yet")
        return
    for one in destinations:
        console.print(_verdict(f"to {clean(str(one['destination']))}", one["adds_up"]), soft_wrap=True)
        names = ("acknowledged", "spooled", "dropped", "sampled_out")
        values = {name: one[name] for name in names} | {"dropped": sum(one["dropped"].values())}
        console.print(sum_table("seen", one["seen"], values))
        for note in _notes(one):
            console.print(f"    {note}", style="dim", soft_wrap=True)


def _notes(one: Mapping[str, Any]) -> list[str]:
    notes = [] if one["configured"] else ["nothing is sent there any more; it goes from here with what is spooled now"]
    notes += [f"dropped because of {reason}: {count:,}" for reason, count in one["dropped"].items() if count]
    if one["rejected"] or one["dead_letters"]:
        notes.append(f"of the acknowledged: {one['rejected']:,} rejected, {one['dead_letters']:,} dead letters")
    if one["spooled"] and one["oldest_spooled_age"] is not None:
        notes.append(f"the oldest that is spooled waits for {one['oldest_spooled_age']:,.0f} s")
    return notes


def _print_indexer(console: Console, status: Mapping[str, Any]) -> None:
    console.print("indexer: what became of every span", style="bold")
    account = status["indexer"]
    if account is None:
        console.print(f"  {clean(status['indexer_error'])}", style="red", soft_wrap=True)
        return
    console.print(_verdict(f"in {clean(account['store'])}", account["adds_up"]), soft_wrap=True)
    if not account["store_available"]:
        console.print("    the store does not answer; the sidecar keeps what it sees meanwhile", style="bold red")
    console.print(sum_table("received", account["received"], {name: account[name] for name in INDEXER_SUM}))
    if account["unmapped_fields"]:
        console.print(f"    fields kept in the source only: {account['unmapped_fields']:,}", style="dim")
    if account["expired"]:
        console.print(f"    of the stored, removed by age or size since: {account['expired']:,}", style="dim")


def sum_table(total: str, value: int, parts: Mapping[str, int]) -> Table:
    """Lay an account out as the sum that it is."""
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("", total):
        table.add_column(column, justify="right", min_width=2)
    cells: list[str | Text] = ["", Text(f"{value:,}", "bold")]
    for sign, (name, count) in zip(["=", *"+" * len(parts)], parts.items(), strict=False):
        table.add_column("")
        table.add_column(name.replace("_", "\n"), vertical="bottom", justify="right")
        cells += [sign, f"{count:,}"]
    table.add_row(*cells)
    return table


def _verdict(text: str, adds_up: bool) -> Text:
    return Text(f"  {text}: ").append_text(Text("adds up", "green") if adds_up else Text("DOES NOT ADD UP", "bold red"))
