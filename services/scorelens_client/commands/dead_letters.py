"""`scorelens dead-letters`: what could never be stored, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from scorelens_client.home import Home
from scorelens_client.options import home_option, json_option
from scorelens_client.parts import INDEXER_HELP, attempt, indexer_address, indexer_dead_letters, sidecar_dead_letters
from scorelens_client.terminal import clean, notes, print_json, results


@click.command("dead-letters")
@click.option("--limit", type=click.IntRange(1), default=100, help="How many of each part, the newest.  [default: 100]")
@click.option("--indexer", metavar="HOST:PORT", help=INDEXER_HELP)
@click.option("--sidecar-folder", metavar="FOLDER", help="Folder of the sidecar.  [default: sidecar in --home]")
@json_option("Print one JSON line per dead letter.")
@home_option
def command(limit: int, indexer: str | None, sidecar_folder: str | None, as_json: bool, home: Home) -> int:
    """List what could never be stored, and why: put aside by the sidecar's shipper or by the indexer.

    The exit status is 1 when a part could not be asked.

    \b
    scorelens dead-letters
    scorelens dead-letters --json | jq -r .reason | sort | uniq -c
    """
    address = indexer_address(home, indexer)
    folder = Path(sidecar_folder).absolute() if sidecar_folder else home.sidecar
    asked = {
        "sidecar": attempt(lambda: sidecar_dead_letters(folder, limit)),
        "indexer": attempt(lambda: indexer_dead_letters(address, limit)) if address else (None, "it does not run"),
    }
    letters = [{"part": part, **letter} for part, (found, _) in asked.items() for letter in found or ()]
    letters.sort(key=lambda letter: str(letter.get("time", "")), reverse=True)
    if as_json:
        for letter in letters:
            print_json(letter)
    elif letters:
        results().print(_table(letters))
    silent = {part: reason for part, (found, reason) in asked.items() if found is None}
    if not letters and len(silent) < len(asked):
        answered = " and ".join(part for part in asked if part not in silent)
        notes().print(f"no dead letters of the {answered}")
    for part, reason in silent.items():
        notes().print(f"the {part} could not be asked: {clean(reason)}", style="red", soft_wrap=True)
    return 1 if silent else 0


def _table(letters: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column("time", no_wrap=True)
    table.add_column("part", no_wrap=True)
    table.add_column("document", overflow="fold", max_width=24)
    table.add_column("reason", overflow="fold", ratio=1)
    for letter in letters:
        name = letter.get("document_id") or letter.get("record_id") or letter.get("span_id") or ""
        table.add_row(
            str(letter.get("time", ""))[:19],
            letter["part"],
            Text(clean(str(name))),
            Text(clean(str(letter.get("reason", "")))),
        )
    return table
