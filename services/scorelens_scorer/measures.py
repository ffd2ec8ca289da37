"""What a scorer counts of its work."""

from __future__ import annotations

from collections.abc import Mapping

from scorelens_runtime.metrics.counting import Points
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_scorer import metrics
from scorelens_scorer.lineup import Followed, Lineup
from scorelens_scorer.room import Room
from scorelens_scorer.router import Router
from scorelens_scorer.served import Served


class Measures:
    """Counts calls and batches, from any thread, and has the rest read where it is."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._calls = instruments.histogram(metrics.CALL_DURATION)
        self._documents = instruments.counter(metrics.DOCUMENTS)
        self._batches = instruments.histogram(metrics.BATCH_SIZE)
        self._scoring = instruments.histogram(metrics.BATCH_DURATION)
        self._stuck = instruments.counter(metrics.BATCHES_STUCK)
        self._refused = instruments.counter(metrics.REFUSED)

    def call(self, method: str, status: str, seconds: float) -> None:
        """Count a call that has ended."""
        self._calls.observe(seconds, method, status)

    def batch(self, served: Served, documents: int, seconds: float) -> None:
        """Count a batch that was scored."""
        self._documents.add(documents, served.id, served.version)
        self._batches.observe(documents, served.id)
        self._scoring.observe(seconds, served.id)

    def stuck(self, served: Served) -> None:
        """Count a batch that takes too long."""
        self._stuck.add(1, served.id)

    def refused(self) -> None:
        """Count a call for which there was no room."""
        self._refused.add(1)

    def read_room(self, room: Room) -> None:
        """Have a room read."""
        self._instruments.read(metrics.QUEUE_DOCUMENTS, lambda: [((), room.documents)])
        self._instruments.read(metrics.QUEUE_SIZE, lambda: [((), room.size)])
        self._instruments.read(metrics.QUEUE_LIMIT, lambda: [((), room.limit)])

    def read_models(self, router: Router, lineup: Lineup) -> None:
        """Have what is served read, and what cannot be."""
        for served in router.all():
            self._stuck.add(0, served.id)  # so that its first increase is seen as one
        self._instruments.read(metrics.MODEL, lambda: _models(router))
        self._instruments.read(metrics.MODEL_REFUSED, lambda: _refused(lineup.followed))


def _models(router: Router) -> Points:
    table = router.table
    in_use = {(served.id, served.version) for served in table.in_use()}
    for served in table.all():
        yield (served.id, served.version, "yes" if (served.id, served.version) in in_use else "no"), 1.0


def _refused(followed: Mapping[str, Followed]) -> Points:
    return [((model, each.refused.version), 1.0) for model, each in followed.items() if each.refused]
