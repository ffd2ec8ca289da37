"""`scorelens console sessions`: who is signed in."""

from __future__ import annotations

from pathlib import Path

import click

from scorelens_console.access.sessions import end_all, running
from scorelens_console.commands.shared import (
    folder_option,
    json_option,
    leave_line,
    moment,
    print_objects,
    print_rows,
    stamp,
)
from scorelens_console.settings import DAY
from scorelens_console.state import State


@click.command("sessions")
@click.option("--end", "ended", metavar="NAME", help="Sign this person out everywhere.")
@click.option("--end-all", "end_all_of_them", is_flag=True, help="Sign everybody out.")
@folder_option
@json_option
def command(ended: str | None, end_all_of_them: bool, folder: Path, as_json: bool) -> None:
    """List who is signed in to a console, or sign people out of it in every browser.

    \b
    scorelens console sessions
    scorelens console sessions --end ada
    scorelens console sessions --end-all
    """
    state = State(folder)
    if ended is not None or end_all_of_them:
        person = None if end_all_of_them else ended
        leave_line(folder, "sessions_ended", person=person or "*")
        click.echo(f"ended {end_all(state, person)} sessions")
        return
    found = running(state, 30 * DAY, 365 * DAY)
    if as_json:
        print_objects(
            {
                "name": one.name,
                "roles": one.roles,
                "method": one.method,
                "created": stamp(one.created),
                "seen": stamp(one.seen),
            }
            for one in found
        )
    elif not found:
        click.echo("nobody is signed in")
    else:
        rows = ((one.name, one.roles, one.method, moment(one.created), moment(one.seen)) for one in found)
        print_rows(("name", "roles", "by", "since (UTC)", "last seen (UTC)"), rows)
