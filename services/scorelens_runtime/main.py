"""The `scorelens` command: finds the component that a subcommand belongs to and loads only that one."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from scorelens_runtime.errors import MissingExtraError, ScorelensError

# subcommand -> (module, attribute, extra that brings its libraries, one line of help)
COMMANDS = {
    "demo": ("scorelens_client.commands.demo", "command", "all", "Run the whole system on a made-up corpus."),
    "up": ("scorelens_client.commands.up", "command", "all", "Run the whole system on this machine."),
    "score": ("scorelens_client.commands.score", "command", "client", "Score documents from a file."),
    "search": (
        "scorelens_client.commands.search",
        "command",
        "client",
        "Search documents, scores and reasons.",
    ),
    "show": (
        "scorelens_client.commands.show",
        "command",
        "client",
        "Show a document and the calculation behind it.",
    ),
    "log": ("scorelens_client.commands.log", "command", "client", "Follow the calculation log."),
    "pull": (
        "scorelens_client.commands.pull",
        "command",
        "client",
        "Pull documents up by id or from the log.",
    ),
    "status": ("scorelens_client.commands.status", "command", "client", "Show what became of every call."),
    "dead-letters": (
        "scorelens_client.commands.dead_letters",
        "command",
        "client",
        "List what could never be stored.",
    ),
    "scorer": ("scorelens_scorer.__main__", "command", "scorer", "Serve models."),
    "sidecar": ("scorelens_sidecar.__main__", "command", "sidecar", "Record what passes to a gRPC server."),
    "indexer": ("scorelens_indexer.__main__", "command", "indexer", "Receive spans and store them."),
}


class Commands(click.Group):
    """A group that imports a subcommand's module only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, extra, _ = COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"scorelens {cmd_name} needs {error.name}, which is not installed: pip install 'scorelens[{extra}]'"
            ) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[3]) for name, row in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="scorelens")
def scorelens() -> None:
    """Score documents, see why, find them again.

    \b
    scorelens demo                     everything, on a made-up corpus
    scorelens up                       everything, waiting for your documents
    scorelens score documents.jsonl    score a file through the sidecar
    scorelens search 'mortgage AND score.complaint:>0.7'
    scorelens show DOCUMENT_ID         one document and the calculation behind it
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors meant for people become one line on standard error."""
    try:
        sys.exit(scorelens.main(args=arguments, prog_name="scorelens", standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ScorelensError as error:
        click.echo(f"scorelens: {error}", err=True)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
