"""How a request is sent, again where that may help, in smaller parts where it is too much, until its time is over.

What to do next is decided here without input or output: the decisions are generators that yield a Call or a Pause, are
sent the answer or thrown the error, and return the result. A driver for threads and one for asyncio carry them out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import grpc

from scorelens.conventions import PURPOSE_KEY, VIEW_FULL, VIEW_KEY
from scorelens.v1.scorer_pb2 import Document, ScoreRequest, ScoreResponse
from scorelens_client.sdk.errors import DeadlineError, NotFoundError, RefusedError, ScorelensError, UnavailableError
from scorelens_client.sdk.scores import Score, read_score
from scorelens_client.sending_rules import Remedy, judge, pause_before

Result = TypeVar("Result")

_PLACE: Final = re.compile(r"documents\[(\d+)\]")


@dataclass(frozen=True)
class Call:
    """Call a method of the scorer; `timeout` is in seconds."""

    method: str
    request: Any
    timeout: float


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


Steps = Generator[Call | Pause, Any, Result]


@dataclass(frozen=True)
class Terms:
    """The terms of sending: how long all tries of one request may take, until when, and how often it is sent again.

    `end` is on the monotonic clock, None for no end of the call as a whole; `scorer` names who is called.
    """

    timeout: float
    retries: int
    end: float | None = None
    scorer: str = "the scorer"
    clock: Callable[[], float] = time.monotonic

    def deadline(self) -> float:
        """Return when a request that begins now must have been answered."""
        own = self.clock() + self.timeout
        return own if self.end is None else min(own, self.end)


def patiently(method: str, request: Any, terms: Terms) -> Steps[Any]:
    """Send a request until it is answered. Raises UnavailableError, DeadlineError, or the final grpc.RpcError."""
    end, attempt, last = terms.deadline(), 0, ""
    while (left := end - terms.clock()) > 0:
        try:
            return (yield Call(method, request, left))
        except grpc.RpcError as error:
            verdict = judge(error)
            if verdict.remedy is not Remedy.AGAIN:
                raise
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                last = why(error, terms.scorer)
            pause = pause_before(attempt + 1, verdict.told_pause)
        except UnavailableError as error:  # nothing runs at the moment
            if attempt == 0:
                raise
            last, pause = str(error), pause_before(attempt + 1)
        attempt += 1
        if attempt > terms.retries:
            raise UnavailableError(f"{last or _over(terms, '')} (tried {attempt} times)")
        yield Pause(max(min(pause, end - terms.clock()), 0.0))
    raise DeadlineError(_over(terms, last))


def called(method: str, request: Any, terms: Terms) -> Steps[Any]:
    """Send a request that cannot be made smaller. Raises ScorelensError."""
    try:
        return (yield from patiently(method, request, terms))
    except grpc.RpcError as error:
        raise refused(error, terms.scorer) from error


@dataclass(frozen=True)
class Batch:
    """Documents for one request, and the place of the first among all that were given."""

    documents: Sequence[Document]
    first: int

    def halves(self) -> tuple[Batch, Batch]:
        """Return both halves."""
        middle = len(self.documents) // 2
        return Batch(self.documents[:middle], self.first), Batch(self.documents[middle:], self.first + middle)


@dataclass(frozen=True)
class Asking:
    """What is asked of the scorer beside the documents."""

    model: str = ""
    version: str = ""
    full: bool = False
    terms: int = 0
    all_terms: bool = False
    keep_errors: bool = False

    def request(self, documents: Sequence[Document]) -> ScoreRequest:
        """Return a request."""
        return ScoreRequest(
            documents=documents,
            model=self.model,
            model_version=self.version,
            max_terms=self.terms,
            all_terms=self.all_terms,
        )


def scored(batch: Batch, asking: Asking, terms: Terms) -> Steps[list[Score]]:
    """Score a batch, in pieces where it must be. Raises ScorelensError."""
    bounded = replace(terms, end=terms.deadline())  # halves share the time of the whole
    try:
        answer = yield from patiently("Score", asking.request(batch.documents), bounded)
    except grpc.RpcError as error:
        if judge(error).remedy is not Remedy.SMALLER:
            raise refused(error, terms.scorer, batch.first) from error
        if len(batch.documents) == 1:
            return [_failed(batch, asking, refused(error, terms.scorer, batch.first), error.code().name)]
        first, second = batch.halves()
        return (yield from scored(first, asking, bounded)) + (yield from scored(second, asking, bounded))
    return list(scores_of(batch, asking, answer))


def scores_of(batch: Batch, asking: Asking, answer: ScoreResponse) -> Iterator[Score]:
    """Yield the scores of an answer. Raises ScorelensError where it does not fit the request."""
    if len(answer.results) != len(batch.documents):
        raise ScorelensError(f"the scorer answered {len(answer.results)} results for {len(batch.documents)} documents")
    calculated: Sequence[Any] = answer.calculations.documents
    if asking.full and len(calculated) != len(answer.results):
        raise ScorelensError(
            "calculations were asked for and none came: the sidecar does not let callers have them (its setting "
            "--clients-may-ask), or the model gives none; they are stored, too: client.show(document_id)"
        )
    for place, result in enumerate(answer.results):
        yield read_score(batch.first + place, result, calculated[place] if asking.full else None)


def refused(error: grpc.RpcError, scorer: str, first: int = 0) -> ScorelensError:
    """Turn a call that failed for good into an error for people; `first` is the place of its first document."""
    code, details = error.code(), placed(error.details() or "", first)
    match code:
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineError(f"{scorer} did not answer in time; give more time with timeout=")
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.ABORTED:
            return UnavailableError(why(error, scorer))
        case grpc.StatusCode.NOT_FOUND:
            return NotFoundError(f"{details}; client.models() says which are served")
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return RefusedError(f"{scorer} does not permit the call: {details}; see metadata=", code.name)
        case grpc.StatusCode.UNIMPLEMENTED:
            return RefusedError(f"{scorer} is not a scorer of scorelens.v1: {details}", code.name)
    place = _PLACE.search(details)
    return RefusedError(details or f"{scorer} answered {code.name}", code.name, int(place[1]) if place else None)


def why(error: grpc.RpcError, scorer: str) -> str:
    """Say why a call was not answered."""
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        return f"{scorer} does not answer; is it running?{'' if 'failed to connect' in details else f' {details}'}"
    return f"{scorer} answered {code.name}: {details}"


def placed(details: str, first: int) -> str:
    """Return what the server says of documents[n] of a batch, with their places among all documents."""
    return _PLACE.sub(lambda match: f"documents[{int(match[1]) + first}]", details)


def _failed(batch: Batch, asking: Asking, failure: ScorelensError, code: str) -> Score:
    name = batch.documents[0].id
    if asking.keep_errors:
        return Score(batch.first, name, error=str(failure))
    where = "" if _PLACE.search(str(failure)) else f"documents[{batch.first}]{f' ({name})' if name else ''}: "
    raise RefusedError(f'{where}{failure}; errors="keep" scores the others', code, batch.first)


def _over(terms: Terms, last: str) -> str:
    reason = f" ({last})" if last else ""
    return f"{terms.scorer} did not answer within the time that was given{reason}; give more with timeout="


def batches_of(documents: Mapping[int, Document], most: int, most_bytes: int) -> Iterator[Batch]:
    """Cut documents, by their places, into batches of neighbours: at most so many and so many bytes in each.

    A document that is larger goes alone.
    """
    batch: list[Document] = []
    first = held = 0
    for place, document in documents.items():
        size = document.ByteSize() + 6
        if batch and (len(batch) == most or held + size > most_bytes or place != first + len(batch)):
            yield Batch(batch, first)
            batch, held = [], 0
        if not batch:
            first = place
        batch.append(document)
        held += size
    if batch:
        yield Batch(batch, first)


def metadata_of(purpose: str, full: bool, more: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call."""
    view = ((VIEW_KEY, VIEW_FULL),) if full else ()
    return (*view, (PURPOSE_KEY, purpose), *more.items())
