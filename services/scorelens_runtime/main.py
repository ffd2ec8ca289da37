"""The `scorelens` command: finds the component that a subcommand belongs to and loads only that one."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import click

from scorelens_runtime.commands import Entry, LazyGroup
from scorelens_runtime.errors import ScorelensError

COMMANDS = {
    "demo": Entry("scorelens_client.commands.demo", "all", "Run the whole system on a made-up corpus."),
    "up": Entry("scorelens_client.commands.up", "all", "Run the whole system on this machine."),
    "score": Entry("scorelens_client.commands.score", "client", "Score documents from a file."),
    "search": Entry("scorelens_client.commands.search", "client", "Search documents, scores and reasons."),
    "words": Entry("scorelens_client.commands.words", "client", "Find the words that mark some documents."),
    "show": Entry("scorelens_client.commands.show", "client", "Show a document and the calculation behind it."),
    "log": Entry("scorelens_client.commands.log", "client", "Follow the calculation log."),
    "pull": Entry("scorelens_client.commands.pull", "client", "Pull documents up by id, by query or from the log."),
    "export": Entry("scorelens_client.commands.export", "client", "Export records as Parquet tables, incrementally."),
    "status": Entry("scorelens_client.commands.status", "client", "Show what became of every call."),
    "doctor": Entry("scorelens_client.commands.doctor", "client", "Say what is wrong with a system, and what to do."),
    "size": Entry("scorelens_client.commands.size", "client", "Say what a load needs of cores, memory and disk."),
    "dead-letters": Entry("scorelens_client.commands.dead_letters", "client", "List what could never be stored."),
    "train": Entry("scorelens_scorer.commands.train", "train", "Train a model on your own labelled file."),
    "promote": Entry("scorelens_scorer.commands.promote", "scorer", "Put a version of a model to use, or go back."),
    "forget": Entry("scorelens_client.commands.forget", "client", "Forget documents or customers everywhere."),
    "models": Entry("scorelens_scorer.commands.models", "train", "List kept versions of models and who serves them."),
    "elasticsearch": Entry("scorelens_client.commands.elasticsearch", "client", "Set Elasticsearch up for records."),
    "console": Entry("scorelens_console.commands", "console", "Look at documents in a browser."),
    "kibana": Entry("scorelens_client.commands.kibana", "client", "Look at records in Kibana."),
    "migrate": Entry("scorelens_client.commands.migrate", "client", "Bring records from one store into another."),
    "scorer": Entry("scorelens_scorer.__main__", "scorer", "Serve models."),
    "sidecar": Entry("scorelens_sidecar.__main__", "sidecar", "Record what passes to a gRPC server."),
    "ship": Entry("scorelens_sidecar.ship", "sidecar", "Send what a sidecar that is gone has left."),
    "indexer": Entry("scorelens_indexer.__main__", "indexer", "Receive spans and store them."),
    "rebuild": Entry(
        "scorelens_indexer.commands.rebuild", "indexer", "Check the embedded store, make a damaged one anew."
    ),
}


@click.group(
    cls=LazyGroup, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
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


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; errors become one line on standard error."""
    # gRPC's core would add a line of its own to errors that we tell; it reads this when it is first imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    _open_what_is_closed()
    try:
        status = scorelens.main(args=arguments, prog_name="scorelens", standalone_mode=False) or 0
        sys.stdout.flush()
    except click.exceptions.Abort:
        status = 130
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except ScorelensError as error:
        click.echo(f"scorelens: {error}", err=True)
        status = error.exit_status
    except BrokenPipeError:
        status = 0  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        _report(error)
        status = 70
    sys.exit(status)


def run_part(command: click.Command, name: str) -> None:
    """Run a command that only a supervisor starts; errors meant for people become one line on standard error."""
    try:
        command.main(prog_name=name)
    except ScorelensError as error:
        click.echo(f"scorelens: {error}", err=True)
        sys.exit(error.exit_status)


def _open_what_is_closed() -> None:
    """Let streams that whoever started us has closed lead nowhere, rather than every use of them fail."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _report(error: Exception) -> None:
    name = type(error).__name__
    if logging.getLogger().handlers:  # a server: its log is where the cause belongs
        logging.getLogger(__name__).critical("unexpected exception", exc_info=error)
    elif os.environ.get("SCORELENS_TRACEBACK"):
        traceback.print_exception(error)
    elif isinstance(error, OSError):
        click.echo(f"scorelens: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
    else:
        click.echo(
            f"scorelens: unexpected {name}: {error} (SCORELENS_TRACEBACK=1 shows where; please report it)", err=True
        )
