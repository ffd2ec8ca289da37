"""The view that a command is asked for: tags that were named, or those that the store has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from scorelens_client.home import Home
from scorelens_client.kibana.tags import read_view
from scorelens_client.kibana.view import KibanaView
from scorelens_client.reading import open_store, store_of
from scorelens_reading.kibana.links import prefix_of
from scorelens_runtime.errors import UnavailableError

Command = TypeVar("Command", bound=Callable[..., Any])


def view_options(function: Command) -> Command:
    """Add --tag, which may be repeated, and --console-url."""
    console = click.option(
        "--console-url",
        metavar="URL",
        help="Address of the console; ids in Kibana become links to it.  [SCORELENS_KIBANA_CONSOLE_URL]",
    )
    tag = click.option(
        "--tag",
        "tags",
        multiple=True,
        metavar="TAG",
        help="Make panels for this tag; may be repeated.  [default: the tags of the latest records]",
    )
    return tag(console(function))


def view_of(
    home: Home, store: str | None, tags: tuple[str, ...], console_url: str, tell: Callable[[str], None]
) -> KibanaView:
    """Return the view of a store with what the store knows of its tags.

    Where tags were named, a store that does not answer is told of and not needed. Raises UnavailableError, or
    SettingError for a store that Kibana cannot read.
    """
    where = store_of(home, store)
    prefix = prefix_of(where)
    named = KibanaView(prefix, tags, console_url, title_prefix=prefix)
    try:
        with open_store(home, store) as reader:
            return read_view(reader, named)
    except UnavailableError as error:
        if not tags:
            raise UnavailableError(f"{error}; name the tags that get panels with --tag to go on without it") from error
        tell(f"{error}; groups and thresholds of the tags are not known")
        return named
