"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from scorelens_client.home import Home
from scorelens_client.reading import source_of
from scorelens_client.when import When
from scorelens_runtime.home import default_home

Command = TypeVar("Command", bound=Callable[..., Any])


def _home(_: click.Context, __: click.Parameter, value: str | None) -> Home:
    return Home(Path(value).expanduser().absolute() if value else default_home())


def home_option(function: Command) -> Command:
    """Add --home."""
    return click.option(
        "--home",
        metavar="FOLDER",
        envvar="SCORELENS_HOME",
        callback=_home,
        help=f"Folder of the system.  [SCORELENS_HOME; default: {default_home()}]",
    )(function)


def json_option(help: str) -> Callable[[Command], Command]:  # noqa: A002
    """Add --json as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def time_options(function: Command) -> Command:
    """Add --since and --until."""
    text = "{} this time: 30m, 2h, 7d (ago), a day, or RFC 3339."
    until = click.option("--until", type=When(), metavar="TIME", help=text.format("Only records before"))
    since = click.option("--since", type=When(), metavar="TIME", help=text.format("Only records from"))
    return since(until(function))


def store_option(function: Command) -> Command:
    """Add --store."""
    return click.option(
        "--store",
        metavar="WHERE",
        help="Store to read instead of the system's: a folder, or the URL of an Elasticsearch.",
    )(function)


def source_options(function: Command) -> Command:
    """Add --store and --console, which become `source`."""

    @functools.wraps(function)
    def run(*arguments: Any, store: str | None, console: str | None, **values: Any) -> Any:
        return function(*arguments, source=source_of(store, console), **values)

    console = click.option(
        "--console",
        metavar="URL",
        help="Console to read through instead of the store, by the token in SCORELENS_CONSOLE_TOKEN_FILE.  "
        "[SCORELENS_CONSOLE_URL]",
    )
    wrapped: Any = store_option(console(run))
    return wrapped  # type: ignore[no-any-return]


def purpose_options(function: Command) -> Command:
    """Add --purpose, which may be repeated, and --calls."""
    calls = click.option("--calls", is_flag=True, help="Show calls that scored no document, too.")
    purpose = click.option(
        "--purpose",
        "purposes",
        multiple=True,
        type=click.Choice(("production", "explain", "replay", "test", "all")),
        help="Purposes of the calls to show; may be repeated.  [default: production]",
    )
    return purpose(calls(function))


def chosen(purposes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the purposes of a selection; empty means all of them."""
    return () if "all" in purposes else purposes or ("production",)
