"""Options that the commands about models share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from scorelens_runtime.home import default_home
from scorelens_scorer.registry.kept import Registry

Command = TypeVar("Command", bound=Callable[..., Any])


def registry_options(function: Command) -> Command:
    """Add --home and --cache, which say where models are kept; `registry_of` reads them."""
    cache = click.option(
        "--cache",
        metavar="FOLDER",
        envvar="SCORELENS_SCORER_CACHE",
        help="Folder of the models, as the scorer's --cache names it.  [default: models in --home]",
    )
    home = click.option(
        "--home",
        metavar="FOLDER",
        envvar="SCORELENS_HOME",
        help=f"Folder of the system.  [SCORELENS_HOME; default: {default_home()}]",
    )
    return home(cache(function))


def registry_of(home: str | None, cache: str | None) -> Registry:
    """Return the registry that the options name."""
    if cache:
        return Registry(Path(cache).expanduser().absolute())
    return Registry((Path(home).expanduser().absolute() if home else default_home()) / "models")


def patience_option(function: Command) -> Command:
    """Add --patience."""
    return click.option(
        "--patience",
        type=click.FloatRange(0),
        default=60.0,
        metavar="SECONDS",
        help="How long to wait for the processes that serve.  [default: 60]",
    )(function)
