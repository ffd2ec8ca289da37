"""`scorelens elasticsearch roles`: the least rights of each who comes to the server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from scorelens_client.home import Home
from scorelens_client.options import home_option, json_option
from scorelens_client.server import server_of, server_option
from scorelens_client.terminal import notes, results
from scorelens_runtime.errors import ScorelensError
from scorelens_store.elasticsearch.roles import Role, roles, to_api, to_yaml
from scorelens_store.elasticsearch.security import ApiKey, Security
from scorelens_store.elasticsearch.settings import ElasticsearchSettings, from_environment

_NAMES = ("writer", "reader", "kibana", "console", "setup")


@click.command("roles")
@click.option("--role", "names", multiple=True, type=click.Choice(_NAMES), help="Only this role; may be repeated.")
@click.option("--space", default="default", metavar="ID", help="Space of Kibana for its role.  [default: default]")
@json_option("Print the roles as `PUT /_security/role/NAME` takes them, by name.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the roles as the server's config/roles.yml has them.")
@click.option("--create", is_flag=True, help="Put the roles on the server.")
@click.option("--api-key", "key", metavar="NAME", help="Make an API key of this name with the rights of --role.")
@click.option("--expires", metavar="TIME", default="", help="When the API key ends, such as 90d.  [default: never]")
@click.option(
    "--key-file", type=click.Path(dir_okay=False, path_type=Path), help="File for the API key, for its owner alone."
)
@server_option
@home_option
def command(
    names: Sequence[str],
    space: str,
    as_json: bool,
    as_yaml: bool,
    create: bool,
    key: str | None,
    expires: str,
    key_file: Path | None,
    store: str | None,
    home: Home,
) -> None:
    """Show the least rights of those who write, read and set up, or put them on the server.

    --create and --api-key sign in as all commands do (SCORELENS_ELASTICSEARCH_USERNAME and _PASSWORD_FILE, or a name
    and a password in --store), as somebody who may manage security.

    \b
    scorelens elasticsearch roles                                  what each may do, and why
    scorelens elasticsearch roles --json --role writer             as the role API takes it
    scorelens elasticsearch roles --yaml >> config/roles.yml       for servers that keep roles in files
    scorelens elasticsearch roles --create --store https://search.example:9200
    scorelens elasticsearch roles --api-key indexer --role writer --expires 90d --key-file indexer.key
    """
    _check(names, key, expires, key_file)
    changes = create or key is not None
    url, settings = server_of(home, store) if changes or store else ("", from_environment())
    chosen = [role for name, role in roles(settings.prefix, space).items() if name in (names or _NAMES)]
    if create:
        _create(url, settings, chosen)
    if key is not None:
        _make_key(url, settings, key, chosen[0], expires, key_file)
    if as_json:
        click.echo(json.dumps({role.name: to_api(role) for role in chosen}, indent=2))
    elif as_yaml:
        click.echo(to_yaml(chosen), nl=False)
    elif not create and key is None:
        _show(results(), chosen)


def _check(names: Sequence[str], key: str | None, expires: str, file: Path | None) -> None:
    if key is not None and len(names) != 1:
        raise click.UsageError("--api-key needs one --role, such as --role writer")
    if key is None and (expires or file):
        raise click.UsageError("--expires and --key-file are for --api-key NAME")
    if expires and not re.fullmatch(r"[1-9]\d*[dhms]", expires):
        raise click.UsageError(f"--expires: {expires!r} is not a time such as 90d or 12h")


def _create(url: str, settings: ElasticsearchSettings, some: Iterable[Role]) -> None:
    with closing(Security(url, settings)) as security:
        for role in some:
            done = "created" if security.put_role(role) else "replaced"
            notes().print(f"{done} the role {role.name}: {role.who}", soft_wrap=True)


def _make_key(
    url: str, settings: ElasticsearchSettings, name: str, role: Role, expires: str, file: Path | None
) -> None:
    # A file that cannot be written is found before there is a key that nobody could keep.
    descriptor = _open(_partial(file)) if file else None
    try:
        with closing(Security(url, settings)) as security:
            made = security.create_api_key(name, role, expires)
    except ScorelensError:
        if file:
            _partial(file).unlink()
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)
    _hand_over(made, file)
    ends = f", for {expires}" if expires else ""
    notes().print(f"made the API key {made.name} (id {made.id}) with the rights of {role.name}{ends}", soft_wrap=True)


def _hand_over(made: ApiKey, file: Path | None) -> None:
    if file is None:
        click.echo(str(made.encoded))
        notes().print("it is shown only now: keep it in the file that SCORELENS_ELASTICSEARCH_API_KEY_FILE names")
    else:
        _partial(file).write_text(f"{made.encoded}\n")
        _partial(file).replace(file)
        notes().print(f"set SCORELENS_ELASTICSEARCH_API_KEY_FILE={file}", soft_wrap=True)


def _partial(file: Path) -> Path:
    return file.with_name(f".{file.name}.partial")


def _open(path: Path) -> int:
    try:
        path.unlink(missing_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ScorelensError(f"--key-file: cannot write to {path.parent}: {error.strerror}") from error


def _show(console: Console, some: Sequence[Role]) -> None:
    for number, role in enumerate(some):
        console.print(f"{chr(10) if number else ''}{role.name}", style="bold", end="")
        console.print(f"  {role.who}", soft_wrap=True)
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))
        table.add_column("where", overflow="fold", max_width=34)
        table.add_column("privilege", no_wrap=True, style="green")
        table.add_column("why", overflow="fold")
        for right in role.rights:
            names = (*(right.names or ("cluster",)), *[""] * len(right.privileges))
            for name, (privilege, why) in zip(names, right.privileges.items(), strict=False):
                table.add_row(name, privilege, why)
        for application in role.applications:
            table.add_row(" ".join(application["resources"]), " ".join(application["privileges"]), "open Kibana there")
        console.print(table)
