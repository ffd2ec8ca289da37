"""`scorelens scorer`: serves models."""

from __future__ import annotations

import dataclasses
import sys

import click

from scorelens_runtime.logs import set_up
from scorelens_runtime.settings import options, variable_of
from scorelens_scorer.settings import ScorerSettings
from scorelens_scorer.workers import supervise


@click.command(context_settings={"max_content_width": 110})
@options(ScorerSettings, "scorer")
def command(settings: ScorerSettings) -> None:
    """Serve models over gRPC, with reflection and the standard health service.

    \b
    scorelens scorer                                    both reference models
    scorelens scorer --model my_module:MyModel          a model of your own; see docs/models.md
    scorelens scorer --model media-tagger --model ./candidate
    scorelens scorer --workers 0                        a process for each processor, on one port
    """
    set_up("scorer")
    if settings.processes > 1:
        supervise(settings, _variables(click.get_current_context()))
    else:
        # Only here: what supervises workers needs no models, and stays small.
        from scorelens_scorer.worker import serve

        serve(settings)


def _variables(context: click.Context) -> dict[str, str]:
    """Return the settings that this command was given, by flag or environment, as variables for workers."""
    given = {field: context.params.get(field.name) for field in dataclasses.fields(ScorerSettings)}
    texts = {field: ",".join(value) if isinstance(value, tuple) else value for field, value in given.items()}
    return {variable_of(field, "scorer"): text for field, text in texts.items() if text}


if __name__ == "__main__":
    from scorelens_runtime.main import main

    main(["scorer", *sys.argv[1:]])
