"""`scorelens scorer`: serves models."""

from __future__ import annotations

import sys

import click

from scorelens_runtime.logs import set_up
from scorelens_runtime.serving import serve_until_told
from scorelens_runtime.settings import options
from scorelens_scorer.server import start
from scorelens_scorer.settings import ScorerSettings


@click.command(context_settings={"max_content_width": 110})
@options(ScorerSettings, "scorer")
def command(settings: ScorerSettings) -> None:
    """Serve models over gRPC, with reflection and the standard health service.

    \b
    scorelens scorer                                    both reference models
    scorelens scorer --model my_module:MyModel          a model of your own; see docs/models.md
    scorelens scorer --model media-tagger --model ./candidate
    """
    set_up("scorer")
    server, router = start(settings)
    serve_until_told(server, models=[f"{served.id} {served.version}" for served in router.all()])


if __name__ == "__main__":
    from scorelens_runtime.main import main

    main(["scorer", *sys.argv[1:]])
