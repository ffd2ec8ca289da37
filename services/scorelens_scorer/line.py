"""The line in which jobs wait for a thread: in turns, and those that can be scored as one batch together."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any

from scorelens_scorer.jobs import Job, Piece
from scorelens_scorer.scoring import CHUNK, CHUNK_TEXT


class Line:
    """Jobs that wait, by what their next pieces have in common. Not for several threads at once.

    The job that came first is served first. One that has more pieces goes to the end after each, so that a large batch
    and single documents take turns.
    """

    def __init__(self, *, join: bool = True) -> None:
        """`join` puts pieces of several jobs together."""
        self._join = join
        self._waiting: dict[Any, deque[tuple[int, Job]]] = {}
        self._tickets = count()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, job: Job) -> None:
        """Let a job wait at the end."""
        ticket, piece = next(self._tickets), job.piece
        key = piece.key if self._join and not piece.apart else ticket
        self._waiting.setdefault(key, deque()).append((ticket, job))

    def take(self) -> tuple[list[Piece], list[Job]]:
        """Take pieces to be scored as one, none where nobody waits; and jobs that nobody waits for any more."""
        pieces: list[Piece] = []
        dropped: list[Job] = []
        while self._waiting and not pieces:
            key = min(self._waiting, key=lambda each: self._waiting[each][0][0])
            queue = self._waiting[key]
            documents = text = 0
            while queue and documents < CHUNK and text < CHUNK_TEXT:
                job = queue[0][1]
                if documents and documents + len(job.piece.places) > CHUNK:
                    break
                queue.popleft()
                if job.is_waited_for():
                    pieces.append(job.piece)
                    documents, text = documents + len(job.piece.places), text + job.piece.text
                else:
                    dropped.append(job)
            if not queue:
                del self._waiting[key]
        return pieces, dropped
