"""Documents on their way through a stream: batches that form by themselves, and a bound on how far reading runs ahead.

Decisions and errors that the stream for threads and the one for asyncio share.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import grpc

from scorelens.v1.scorer_pb2 import Document, ScoreRequest, ScoreResponse
from scorelens_client.sdk.errors import StreamEndedError
from scorelens_client.sdk.scores import Score
from scorelens_client.sdk.steps import Asking, Batch, refused, scores_of

AHEAD = 4
"""How many full batches of documents may be read and not yet taken as scores."""


class Backlog:
    """Documents that were read and not sent yet, and how many of all that were read nobody has taken as scores yet."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._waiting: deque[Document] = deque()
        self._untaken = 0
        self.ended = False

    @property
    def has_room(self) -> bool:
        """Tell whether one more may be read."""
        return self._untaken < self._most * AHEAD

    @property
    def is_ready(self) -> bool:
        """Tell whether there is something to send, or nothing will come any more."""
        return bool(self._waiting) or self.ended

    def add(self, document: Document) -> None:
        """Keep a document that was read."""
        self._waiting.append(document)
        self._untaken += 1

    def taken(self) -> None:
        """Count a document as taken by the caller."""
        self._untaken -= 1

    def batch(self) -> list[Document]:
        """Return what is there, at most one batch of it; nothing at the end. A larger document goes alone."""
        batch: list[Document] = []
        size = 0
        while self._waiting and len(batch) < self._most:
            size += self._waiting[0].ByteSize() + 6
            if batch and size > self._most_bytes:
                break
            batch.append(self._waiting.popleft())
        return batch


class Pending:
    """What was sent over a stream and not answered yet, in order."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._sent: deque[Batch] = deque()
        self._next = 0
        self.answered = 0

    def send(self, documents: Sequence[Document]) -> ScoreRequest:
        """Return the request for the next documents, which are pending from now on."""
        self._sent.append(Batch(documents, self._next))
        self._next += len(documents)
        return self._asking.request(documents)

    def scores(self, answer: ScoreResponse) -> Iterator[Score]:
        """Yield the scores of the next answer; each counts as answered once the next one is asked for."""
        if not self._sent:
            raise StreamEndedError("the scorer answered more than it was asked", self.answered)
        batch = self._sent[0]
        for score in scores_of(batch, self._asking, answer):
            yield score
            self.answered += 1
        self._sent.popleft()

    def failed(self, error: grpc.RpcError, scorer: str) -> StreamEndedError:
        """Return the error of a stream that failed: where it ended, and why."""
        reason = refused(error, scorer, self._sent[0].first if self._sent else self.answered)
        return self._ended(f"{reason}")

    def check_all_answered(self) -> None:
        """Raise StreamEndedError where the scorer ended the stream before it answered everything."""
        if self._sent:
            raise self._ended("the scorer ended it without answering the rest")

    def _ended(self, reason: str) -> StreamEndedError:
        count = self.answered
        in_doubt = self._next - count
        doubt = f"; {in_doubt:,} more were sent and may be recorded" if in_doubt else ""
        return StreamEndedError(
            f"the stream ended after {count:,} document{'' if count == 1 else 's'} had been answered: {reason}. "
            f"documents[{count}] and what follows was not answered{doubt}; send from there again",
            count,
        )
