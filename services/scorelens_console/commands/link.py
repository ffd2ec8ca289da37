"""`scorelens console link`: a link that signs somebody in once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import click

from scorelens_console.access.identity import Role, write_roles
from scorelens_console.access.links import LIFETIME, make_link
from scorelens_console.commands.shared import folder_option, json_option, leave_line, roles_option
from scorelens_console.settings import LINKS
from scorelens_console.state import State, read_address
from scorelens_runtime.errors import SettingError
from scorelens_runtime.settings import duration

_DEFAULT_URL = "http://127.0.0.1:8585"


@click.command("link")
@roles_option("scientist")
@click.option("--name", default="", help="Name that the audit log shows.  [default: the role]")
@click.option(
    "--url",
    default="",
    envvar="SCORELENS_CONSOLE_PUBLIC_URL",
    help="Address of the console (SCORELENS_CONSOLE_PUBLIC_URL).  [default: where the folder's console listens]",
)
@click.option("--lasts", default="1d", help="How long it can be used.  [default: 1d]")
@folder_option
@json_option
def command(roles: Mapping[str, Role], name: str, url: str, lasts: str, folder: Path, as_json: bool) -> None:
    """Make a link that signs somebody in, once, on the console of this machine.

    \b
    scorelens console link
    scorelens console link --as viewer --name ada
    scorelens console link --as viewer,media-tagger=scientist --lasts 10m
    """
    way = os.environ.get("SCORELENS_CONSOLE_SIGN_IN", LINKS)
    if way != LINKS:
        raise SettingError(
            f"SCORELENS_CONSOLE_SIGN_IN is {way}: people sign in to this console in that way, not by links"
        )
    named = name or max(roles.values()).name.lower()
    state = State(folder)
    leave_line(folder, "link_created", person=named, roles=write_roles(roles))
    code = make_link(state, named, roles, duration(lasts) if lasts else LIFETIME)
    link = f"{_address(url, folder)}/signin?code={code}"
    click.echo(json.dumps({"link": link}) if as_json else link)


def _address(url: str, folder: Path) -> str:
    listening = read_address(folder)
    return url.rstrip("/") or (f"http://{listening}" if listening else _DEFAULT_URL)
