"""A running scorer."""

from __future__ import annotations

import weakref

from scorelens.conventions import SCORER_SERVICE
from scorelens_runtime.serving import RunningServer, Serving
from scorelens_scorer.checks import Limits
from scorelens_scorer.lineup import Lineup
from scorelens_scorer.router import Router
from scorelens_scorer.scoring import Scorer
from scorelens_scorer.service import Service
from scorelens_scorer.settings import ScorerSettings
from scorelens_scorer.watching import watch


def start(settings: ScorerSettings) -> tuple[RunningServer, Router]:
    """Load the models and serve them. Raises ModelRefusedError or SettingError."""
    lineup = Lineup(settings.model, settings.cache)
    router = Router(lineup.load())
    watcher = watch(router, lineup)
    limits = Limits(settings.max_documents, settings.max_text, settings.max_message)
    serving = Serving(
        listen=settings.listen,
        threads=settings.threads,
        max_message=settings.max_message,
        drain=settings.drain,
        max_connection_age=settings.max_connection_age,
    )
    service = Service(Scorer(router, limits, settings.terms))
    server = RunningServer(serving, [SCORER_SERVICE], service.add_to)
    weakref.finalize(server, watcher.stop)
    return server, router
