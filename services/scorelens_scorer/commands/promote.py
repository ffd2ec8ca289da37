"""`scorelens promote`: puts a version of a model to use, or the one before again."""

from __future__ import annotations

from pathlib import Path

import click

from scorelens_scorer.commands.options import patience_option, registry_of, registry_options
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.registry.promoting import Promoted, promote, roll_back
from scorelens_scorer.saved import MANIFEST


@click.command("promote")
@click.argument("model", metavar="MODEL")
@click.argument("version", metavar="[VERSION|FOLDER]", default="")
@click.option("--rollback", is_flag=True, help="Go back to the version that was in use before.")
@patience_option
@registry_options
def command(model: str, version: str, rollback: bool, patience: float, home: str | None, cache: str | None) -> None:
    """Put a version of a model to use in every scorer of this system, without dropping a call.

    The version is loaded and tried first; one that does not score changes nothing. Each scorer process loads it beside
    the calls it answers and then changes over; the command ends when all of them have. The version before stays
    loaded, so that it can be asked for by version and gone back to at once. A FOLDER with a saved model is copied to
    the versions that are kept.

    Promoting media-tagger or offer-ranker puts a model of your own in the place of that reference model.

    \b
    scorelens promote brand-sentiment 2-ab12cd34
    scorelens promote brand-sentiment ./candidate
    scorelens promote brand-sentiment --rollback
    """
    if rollback == bool(version):
        raise click.UsageError("name a VERSION, or say --rollback; `scorelens models` lists the versions")
    registry = registry_of(home, cache)
    click.echo("trying the version, then waiting for the processes that serve ...", err=True)
    if rollback:
        done = roll_back(registry, model, patience)
    else:
        done = promote(registry, model, _kept(registry, model, version), patience)
    say(done, registry)


def say(done: Promoted, registry: Registry) -> None:
    """Print what is in use now and which processes serve it."""
    before = f" (before: {done.before})" if done.before else ""
    click.echo(f"{done.model} {done.version} is in use{before}")
    if done.serving:
        click.echo(f"served by {_processes(done.serving)}")
    elif done.others:
        click.echo(
            f"no process serves it, only other models: {_processes(done.others)}; start a scorer with "
            f"--model {done.model}, or without --model"
        )
    else:
        click.echo(f"no scorer runs with {registry.folder}; it takes effect when one starts")


def _kept(registry: Registry, model: str, version: str) -> str:
    if "/" in version or (Path(version) / MANIFEST).exists():
        return registry.add(model, Path(version).expanduser())
    return version


def _processes(names: tuple[str, ...]) -> str:
    listed = ", ".join(names)
    return f"process {listed}" if len(names) == 1 else f"{len(names)} processes: {listed}"
