"""Sending batches to a scorer: several at once, again when it is away, in smaller pieces when it takes no more.

| the scorer says | what is done |
|---|---|
| UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED | sent again after a growing pause, until patience ends |
| RESOURCE_EXHAUSTED, INVALID_ARGUMENT, INTERNAL | the batch is halved; a document that fails alone is rejected |
| NOT_FOUND and anything else | ends the run: no other batch would fare better |
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import grpc

from scorelens.conventions import PURPOSE_KEY, VIEW_FULL, VIEW_KEY
from scorelens.v1.scorer_pb2 import DocumentCalculation, Result, ScoreRequest, ScoreResponse
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_client.batches import Line
from scorelens_client.channel import translate
from scorelens_runtime.errors import ScorelensError

AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)
SMALLER = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Scored:
    """What became of one document: a result, or the reason why there is none."""

    line: Line
    result: Result | None = None
    calculation: DocumentCalculation | None = None
    reason: str = ""


@dataclass(frozen=True)
class Sending:
    """How to send: where to, which model, for what purpose, and how long to put up with a scorer that is away.

    `patience` and `timeout` are seconds, `parallel` is how many calls are in flight.
    """

    address: str
    model: str = ""
    model_version: str = ""
    purpose: str = ""
    full: bool = False
    all_terms: bool = False
    parallel: int = 4
    patience: float = 60.0
    timeout: float = 120.0


class Sender:
    """Scores batches over one channel."""

    def __init__(self, channel: grpc.Channel, sending: Sending) -> None:
        self._score = ScorerStub(channel).Score
        self._sending = sending
        self._stopped = threading.Event()

    def score(self, batches: Iterable[Sequence[Line]]) -> Iterator[list[Scored]]:
        """Yield the outcome of each batch, in order; memory holds as many batches as are in flight.

        Raises ScorelensError when the scorer stays away or refuses the whole run.
        """
        self._stopped.clear()
        with ThreadPoolExecutor(self._sending.parallel, "score") as pool:
            waiting: deque[Future[list[Scored]]] = deque()
            try:
                for batch in batches:
                    waiting.append(pool.submit(self.score_batch, batch))
                    if len(waiting) > self._sending.parallel:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                self._stopped.set()
                for future in waiting:
                    future.cancel()

    def score_batch(self, batch: Sequence[Line]) -> list[Scored]:
        """Score one batch, in pieces where it must be."""
        request = ScoreRequest(
            documents=[line.document for line in batch],
            model=self._sending.model,
            model_version=self._sending.model_version,
            all_terms=self._sending.all_terms,
        )
        try:
            answer = self._call_patiently(request)
        except grpc.RpcError as error:
            if error.code() not in SMALLER:
                raise translate(error, "scorer", self._sending.address) from error
            if len(batch) == 1:
                return [Scored(batch[0], reason=f"{error.code().name}: {error.details()}")]
            middle = len(batch) // 2
            return self.score_batch(batch[:middle]) + self.score_batch(batch[middle:])
        return list(_outcomes(batch, answer))

    def _call_patiently(self, request: ScoreRequest) -> ScoreResponse:
        limit, pause = time.monotonic() + self._sending.patience, FIRST_PAUSE
        while True:
            try:
                return self._score(request, timeout=self._sending.timeout, metadata=self._metadata())
            except grpc.RpcError as error:
                if error.code() not in AGAIN or time.monotonic() + pause > limit or self._stopped.is_set():
                    raise
            self._stopped.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        view = ((VIEW_KEY, VIEW_FULL),) if self._sending.full else ()
        return view + (((PURPOSE_KEY, self._sending.purpose),) if self._sending.purpose else ())


def _outcomes(batch: Sequence[Line], answer: ScoreResponse) -> Iterator[Scored]:
    if len(answer.results) != len(batch):
        raise ScorelensError(f"the scorer answered {len(answer.results)} results for {len(batch)} documents")
    calculations = answer.calculations.documents
    for place, (line, result) in enumerate(zip(batch, answer.results, strict=True)):
        yield Scored(line, result, calculations[place] if place < len(calculations) else None)
