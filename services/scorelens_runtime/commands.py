"""Groups of commands that load a command's module only when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from scorelens_runtime.errors import MissingExtraError


class Entry(NamedTuple):
    """Where a command is: the module that has it as `command`, the extra that brings its libraries, a line of help."""

    module: str
    extra: str
    help: str


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only when it is used."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which people meet them."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand. Raises MissingExtraError."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        try:
            command: click.Command = importlib.import_module(entry.module).command
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"{ctx.command_path} {cmd_name} needs {error.name}, which is not installed: "
                f"pip install 'scorelens[{entry.extra}]'"
            ) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])
