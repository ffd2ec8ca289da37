"""The threads that score, and what happens when a model blocks one of them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from scorelens_scorer.jobs import Job, Piece
from scorelens_scorer.line import Line
from scorelens_scorer.measures import Measures
from scorelens_scorer.scoring import score

_log = logging.getLogger(__name__)

STUCK: Final = 5.0
"""Seconds after which a batch counts as stuck: another thread takes the place of the one that scores it."""

MOST_STUCK: Final = 16
"""Threads that may be stuck at the same time before no others take their places."""


@dataclass(eq=False)
class _Batch:
    """Pieces that a thread scores."""

    pieces: Sequence[Piece]
    started: float = field(default_factory=time.monotonic)
    stuck: bool = False
    replaced: bool = False  # another thread took the place of the one that scores it
    shared_out: bool = False  # its jobs wait in the line again


class Pool:
    """Scores jobs in a few threads.

    A batch that takes too long is told in the log. Another thread takes its thread's place, and where it is of several
    jobs, each is scored again alone, so that those without fault get their answers.
    """

    def __init__(
        self, threads: int, settle: Callable[[Sequence[Job]], None], measures: Measures, *, join: bool = True
    ) -> None:
        """`settle` is called from the threads with jobs that are done."""
        self._settle, self._measures = settle, measures
        self._line = Line(join=join)
        self._changed = threading.Condition()
        self._running: set[_Batch] = set()
        self._stopped = False
        for _ in range(threads):
            self._start()
        threading.Thread(target=self._watch, name="stuck", daemon=True).start()

    def submit(self, job: Job) -> None:
        """Let a job be scored."""
        with self._changed:
            self._line.put(job)
            self._changed.notify()

    def stop(self) -> None:
        """Let the threads end; those that score end after it."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _start(self) -> None:
        threading.Thread(target=self._work, name="score", daemon=True).start()

    def _work(self) -> None:
        batch: _Batch | None = None
        while (batch := self._next(batch)) is not None:
            self._score(batch)

    def _next(self, finished: _Batch | None) -> _Batch | None:
        """Hand over what was finished and wait for the next batch; None where this thread is to end."""
        with self._changed:
            if finished is not None:
                self._running.discard(finished)
                self._put_back(finished)
            while not (self._stopped or (finished and finished.replaced)):
                pieces, dropped = self._line.take()
                if dropped:
                    self._settle(dropped)
                if pieces:
                    batch = _Batch(pieces)
                    self._running.add(batch)
                    return batch
                self._changed.wait()
        return None

    def _put_back(self, batch: _Batch) -> None:
        """Let jobs that have more pieces wait again."""
        for piece in () if batch.shared_out else batch.pieces:
            if not piece.job.done:
                self._line.put(piece.job)

    def _score(self, batch: _Batch) -> None:
        pieces = batch.pieces
        try:
            score(pieces)
        except Exception as error:
            for piece in pieces:
                piece.job.fail(error, piece)
        self._settle([piece.job for piece in pieces if piece.job.done])
        documents = sum(len(piece.places) for piece in pieces)
        self._measures.batch(pieces[0].served, documents, time.monotonic() - batch.started)

    def _watch(self) -> None:
        while not self._stopped:
            time.sleep(STUCK / 5)
            with self._changed:
                limit = time.monotonic() - STUCK
                for batch in [batch for batch in self._running if batch.started < limit and not batch.stuck]:
                    self._help(batch)

    def _help(self, batch: _Batch) -> None:
        """Have others go on where a batch is stuck."""
        batch.stuck = True
        model = batch.pieces[0].served
        self._measures.stuck(model)
        _log.warning("a batch takes long", extra={"model": f"{model.id} {model.version}", "calls": len(batch.pieces)})
        if len(batch.pieces) > 1:
            batch.shared_out = True
            for piece in batch.pieces:
                piece.job.set_apart(piece)
                self._line.put(piece.job)
        if sum(each.replaced for each in self._running) < MOST_STUCK:
            batch.replaced = True
            self._start()
        self._changed.notify_all()
