"""Sending batches to a scorer: again when it is away or busy, in smaller pieces when it takes no more.

| the scorer says | what is done |
|---|---|
| UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED | sent again after a growing pause; when patience ends, so does the run |
| RESOURCE_EXHAUSTED that says when to come again | sent again then; when patience ends, the documents are rejected |
| RESOURCE_EXHAUSTED that names a size, INVALID_ARGUMENT, INTERNAL, UNKNOWN | halved; what fails alone is rejected |
| RESOURCE_EXHAUSTED of neither kind | halved; what fails alone is sent again until patience ends |
| NOT_FOUND and anything else | ends the run: no other batch would fare better |
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grpc

from scorelens.conventions import PURPOSE_KEY, VIEW_FULL, VIEW_KEY
from scorelens.v1.scorer_pb2 import ScoreRequest, ScoreResponse
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_client.bulk.batches import Line, Scored
from scorelens_client.bulk.pace import Pace
from scorelens_client.bulk.pieces import halves, traceparent
from scorelens_client.sending_rules import Remedy, Verdict, judge, pause_before
from scorelens_reading.channel import translate
from scorelens_runtime.errors import ScorelensError

NAMED_FIELD = re.compile(r"documents\[\d+\]\.?([^:]*): (.*)", re.DOTALL)


class StoppedError(ScorelensError):
    """A batch that was not sent again, since the run is being stopped."""


@dataclass(frozen=True)
class Sending:
    """How to send: where to, which model, for what purpose, and how long to put up with a scorer that is away.

    `patience` and `timeout` are seconds; `run`, where there is one, gives every call a trace that can be told later.
    """

    address: str
    model: str = ""
    model_version: str = ""
    purpose: str = ""
    full: bool = False
    all_terms: bool = False
    patience: float = 60.0
    timeout: float = 120.0
    run: str = ""


class Sender:
    """Scores batches over one channel, and tells the pace what came back; any number of threads may use it."""

    def __init__(self, channel: grpc.Channel, sending: Sending, pace: Pace | None = None) -> None:
        self._score = ScorerStub(channel).Score
        self._sending, self._pace = sending, pace or Pace()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let calls that are in flight end, and none be sent again."""
        self._stopped.set()

    def score(self, lines: Sequence[Line]) -> list[Scored]:
        """Score one batch, in pieces where it must be; return the outcome of each document, in order.

        Raises ScorelensError when the scorer stays away or refuses the whole run, StoppedError.
        """
        return self._score_piece(lines, _Patience(self._sending.patience))

    def _score_piece(self, lines: Sequence[Line], patience: _Patience) -> list[Scored]:
        attempt = 0
        while True:
            try:
                answer = self._call(lines)
            except grpc.RpcError as error:
                verdict = judge(error)
                self._tell(verdict, len(lines))
                attempt += 1
                pause = pause_before(attempt, verdict.told_pause)
                if verdict.remedy is Remedy.SMALLER and len(lines) > 1:
                    if verdict.in_doubt:
                        self._stopped.wait(pause)
                    middle = halves(len(lines))
                    return self._score_piece(lines[:middle], patience) + self._score_piece(lines[middle:], patience)
                if not (verdict.remedy is Remedy.AGAIN or verdict.in_doubt) or not patience.lasts(pause):
                    return self._given_up(lines, error, verdict)
                if self._stopped.wait(pause):
                    raise StoppedError("the run is being stopped") from error
            else:
                patience.renew()
                return list(_outcomes(lines, answer))

    def _call(self, lines: Sequence[Line]) -> ScoreResponse:
        request = ScoreRequest(
            documents=[line.document for line in lines],
            model=self._sending.model,
            model_version=self._sending.model_version,
            all_terms=self._sending.all_terms,
        )
        started = time.monotonic()
        answer: ScoreResponse = self._score(request, timeout=self._sending.timeout, metadata=self._metadata(lines))
        now = time.monotonic()
        self._pace.answered(len(lines), now - started, now)
        return answer

    def _tell(self, verdict: Verdict, documents: int) -> None:
        if verdict.is_busy:
            self._pace.busy(time.monotonic())
        elif verdict.is_too_large:
            self._pace.too_large(documents)

    def _given_up(self, lines: Sequence[Line], error: grpc.RpcError, verdict: Verdict) -> list[Scored]:
        if verdict.remedy is Remedy.NONE or not (verdict.is_busy or verdict.remedy is Remedy.SMALLER):
            raise translate(error, "scorer", self._sending.address) from error
        if self._stopped.is_set() and verdict.is_busy:
            raise StoppedError("the run is being stopped") from error
        field, reason = _named(error)
        return [Scored(line, field=field, reason=reason) for line in lines]

    def _metadata(self, lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
        sending = self._sending
        view = ((VIEW_KEY, VIEW_FULL),) if sending.full else ()
        purpose = ((PURPOSE_KEY, sending.purpose),) if sending.purpose else ()
        trace = (("traceparent", traceparent(sending.run, lines[0].number, len(lines))),) if sending.run else ()
        return view + purpose + trace


class _Patience:
    """Lasts for some seconds from the first refusal after an answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def lasts(self, pause: float) -> bool:
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return now + pause <= self._since + self._seconds

    def renew(self) -> None:
        self._since = None


def _named(error: grpc.RpcError) -> tuple[str, str]:
    """Return the field that a refusal names, without the document's place in the call, and the reason."""
    details = error.details() or ""
    found = NAMED_FIELD.fullmatch(details)
    return (found[1], found[2]) if found else ("", f"{error.code().name}: {details}")


def _outcomes(lines: Sequence[Line], answer: ScoreResponse) -> Iterator[Scored]:
    if len(answer.results) != len(lines):
        raise ScorelensError(f"the scorer answered {len(answer.results)} results for {len(lines)} documents")
    calculations = answer.calculations.documents
    for place, (line, result) in enumerate(zip(lines, answer.results, strict=True)):
        yield Scored(line, result, calculations[place] if place < len(calculations) else None)
