"""A running scorer."""

from __future__ import annotations

from scorelens.conventions import SCORER_SERVICE
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.serving import Serving
from scorelens_runtime.serving_aio import Handlers, RunningAioServer
from scorelens_scorer.checks import Limits
from scorelens_scorer.lineup import Lineup
from scorelens_scorer.measures import Measures
from scorelens_scorer.room import Room
from scorelens_scorer.router import Router
from scorelens_scorer.scoring import Scorer
from scorelens_scorer.service import Service
from scorelens_scorer.settings import ScorerSettings
from scorelens_scorer.watching import Watcher, watch


class RunningScorer:
    """A scorer that answers at an address until it is stopped."""

    def __init__(self, server: RunningAioServer, watcher: Watcher, service: Service) -> None:
        self.address = server.address
        self._server, self._watcher, self._service = server, watcher, service

    def stop(self) -> None:
        """Follow promotions no more, and drain."""
        self._watcher.stop()
        self._server.stop()
        self._service.stop()


def start(
    settings: ScorerSettings, *, reuse_port: bool = False, instruments: Instruments | None = None
) -> tuple[RunningScorer, Router]:
    """Load the models and serve them, on a port that others may serve on with `reuse_port`.

    What is done is counted with `instruments`. Raises ModelRefusedError, RegistryError or SettingError.
    """
    measures = Measures(instruments or Instruments())
    lineup = Lineup(settings.model, settings.cache)
    router = Router(lineup.load())
    watcher = watch(router, lineup)
    measures.read_models(router, lineup)
    serving = Serving(
        listen=settings.listen,
        max_message=settings.max_message,
        drain=settings.drain,
        max_connection_age=settings.max_connection_age,
        reuse_port=reuse_port,
    )
    limits = Limits(settings.max_documents, settings.max_text, settings.max_message)
    scorer = Scorer(router, limits, settings.terms)
    services: list[Service] = []

    def make() -> dict[str, Handlers]:
        room = Room(settings.queue_documents, settings.queue_bytes)
        measures.read_room(room)
        services.append(Service(scorer, room, settings.threads, measures, join=settings.join))
        return {SCORER_SERVICE: services[0].handlers()}

    try:
        server = RunningAioServer(serving, make, on_drain=lambda: services[0].drain(), on_call=measures.call)
    except BaseException:
        watcher.stop()
        raise
    return RunningScorer(server, watcher, services[0]), router
