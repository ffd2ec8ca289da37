"""A stream of documents with threads: one reads the documents, gRPC's own sends them, the caller takes the scores."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence

import grpc

from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_client.sdk.scores import Score
from scorelens_client.sdk.streaming import Backlog, Pending
from scorelens_client.sdk.threads import Line

Metadata = tuple[tuple[str, str], ...]


class Feed:
    """Reads documents in a thread of its own and groups what is there; stops reading while nobody takes answers."""

    def __init__(self, documents: Iterator[Document], backlog: Backlog) -> None:
        self.error: BaseException | None = None
        self._documents, self._backlog = documents, backlog
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._read, name="scorelens-feed", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def batches(self) -> Iterator[Sequence[Document]]:
        """Yield what has been read, as soon as there is something, until all was read."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._backlog.is_ready or self._stopped)
                batch = [] if self._stopped else self._backlog.batch()
            if not batch:
                return
            yield batch

    def taken(self) -> None:
        """Give room for one more document."""
        with self._changed:
            self._backlog.taken()
            self._changed.notify_all()

    def stop(self) -> None:
        """Read and send no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _read(self) -> None:
        try:
            for document in self._documents:
                with self._changed:
                    self._changed.wait_for(lambda: self._backlog.has_room or self._stopped)
                    if self._stopped:
                        return
                    self._backlog.add(document)
                    self._changed.notify_all()
        except BaseException as error:  # raised where the scores are taken
            self.error = error
        finally:
            with self._changed:
                self._backlog.ended = True
                self._changed.notify_all()


def stream(
    line: Line,
    documents: Iterator[Document],
    backlog: Backlog,
    pending: Pending,
    metadata: Metadata,
    timeout: float | None,
) -> Generator[Score, None, None]:
    """Yield the score of each document, in order. Raises StreamEndedError, and what reading the documents raises."""
    stub = line.stub()
    feed = Feed(documents, backlog)

    def requests() -> Iterator[ScoreRequest]:
        return map(pending.send, feed.batches())

    call = stub.ScoreStream(requests(), timeout=timeout, metadata=metadata)
    feed.start()
    try:
        for answer in call:
            for score in pending.scores(answer):
                yield score
                feed.taken()
        if feed.error is not None:
            raise feed.error
        pending.check_all_answered()
    except grpc.RpcError as error:
        line.look_again()
        raise pending.failed(error, f"the scorer at {line.address}") from error
    finally:
        feed.stop()
        call.cancel()
