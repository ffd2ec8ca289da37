"""`scorelens console link`: a link that signs somebody in once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from scorelens_console.access.identity import Role, read_roles
from scorelens_console.access.links import LIFETIME, make_link
from scorelens_console.settings import folder_of
from scorelens_console.state import State
from scorelens_runtime.errors import SettingError
from scorelens_runtime.settings import duration


@click.command("link")
@click.option(
    "--as",
    "roles",
    default="scientist",
    help="Role for all models, or for single ones: viewer,media-tagger=scientist.  [default: scientist]",
)
@click.option("--name", default="", help="Name that the audit log shows.  [default: the role]")
@click.option(
    "--url", default="http://127.0.0.1:8585", help="Address of the console.  [default: http://127.0.0.1:8585]"
)
@click.option("--lasts", default="1d", help="How long it can be used.  [default: 1d]")
@click.option(
    "--folder", default="", help="Folder of the console (SCORELENS_CONSOLE_FOLDER).", envvar="SCORELENS_CONSOLE_FOLDER"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(roles: str, name: str, url: str, lasts: str, folder: str, as_json: bool) -> None:
    """Make a link that signs somebody in, once, on the console of this machine.

    \b
    scorelens console link
    scorelens console link --as viewer --name ada
    scorelens console link --as viewer,media-tagger=scientist --lasts 10m
    """
    link = _link(Path(folder_of(folder)), name, _roles(roles), url, duration(lasts) if lasts else LIFETIME)
    click.echo(json.dumps({"link": link}) if as_json else link)


def _roles(text: str) -> Mapping[str, Role]:
    try:
        return read_roles(text)
    except SettingError as error:
        raise SettingError(f"--as: {error}") from error


def _link(folder: Path, name: str, roles: Mapping[str, Role], url: str, lasts: float) -> str:
    named = name or max(roles.values()).name.lower()
    return f"{url.rstrip('/')}/signin?code={make_link(State(folder), named, roles, lasts)}"
