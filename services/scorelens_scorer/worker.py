"""A process that serves: the only one, or one of several on the same port, which their supervisor starts."""

from __future__ import annotations

import click

from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.logs import set_up
from scorelens_runtime.main import run_part
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.operations import Operations, Wanted
from scorelens_runtime.serving import serve_until_told
from scorelens_runtime.settings import options
from scorelens_scorer.server import start
from scorelens_scorer.settings import ScorerSettings


def serve(settings: ScorerSettings, *, reuse_port: bool = False) -> None:
    """Load the models and serve them until SIGTERM or SIGINT, then drain."""
    instruments, readiness = Instruments(), Readiness()
    with Operations("scorer", Wanted(settings.admin, settings.metrics_otlp), instruments, readiness) as operations:
        server, router = start(settings, reuse_port=reuse_port, instruments=instruments)
        models = [f"{served.id} {served.version}" for served in router.all()]
        serve_until_told(server, readiness, models=models, **operations.details())


@click.command()
@options(ScorerSettings, "scorer")
def command(settings: ScorerSettings) -> None:
    """Serve beside others."""
    set_up("scorer")
    serve(settings, reuse_port=True)


if __name__ == "__main__":
    run_part(command, "scorelens scorer")
