"""Records that are in the store without their sender knowing it, so that each is counted as stored exactly once.

A put may fail as a whole although the server has stored some of its records: the connection broke before the answer, or
another record of the same put met trouble. The sender puts all of them again, the server says that they are there
already (409), and only this memory tells them from records that were stored and told before.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from scorelens_store.elasticsearch.answers import Answer

_MOST: Final = 50_000
"""Ids that are remembered of either kind; beyond it the oldest are forgotten, and counted as duplicates."""


class Doubts:
    """Remembers the ids of failed puts until they are put again, and of the last ones that were told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doubtful: dict[str, None] = {}
        self._told: deque[list[str]] = deque()
        self._told_size = 0

    def keep(self, ids: Sequence[str], answers: Sequence[Answer]) -> None:
        """Remember what of a failed put is stored, or may be."""
        with self._lock:
            told = {one for some in self._told for one in some}
            for one, answer in zip(ids, answers, strict=True):
                # What somebody was told meanwhile is not ours; two may have put the same record at the same time.
                if answer.status == 201 or (answer.unsure and one not in told):
                    self._doubt(one)

    def take_back(self, ids: Sequence[str]) -> None:
        """Take note that nobody was told of records that were settled as stored."""
        with self._lock:
            for one in ids:
                self._doubt(one)

    def settle(self, ids: Sequence[str], answers: Sequence[Answer]) -> list[bool]:
        """Tell of each record of a put that succeeds whether it is to be counted as stored now."""
        with self._lock:
            unsure = any(answer.unsure for answer in answers)
            told = {one for some in self._told for one in some} if unsure else set()
            stored = [
                answer.status == 201
                or (answer.status == 409 and (one in self._doubtful or (answer.unsure and one not in told)))
                for one, answer in zip(ids, answers, strict=True)
            ]
            self._tell([one for one, was in zip(ids, stored, strict=True) if was])
        return stored

    def _doubt(self, one: str) -> None:
        self._doubtful[one] = None
        if len(self._doubtful) > _MOST:
            del self._doubtful[next(iter(self._doubtful))]

    def _tell(self, ids: list[str]) -> None:
        if self._doubtful:
            for one in ids:
                self._doubtful.pop(one, None)
        self._told.append(ids)
        self._told_size += len(ids)
        while self._told_size > _MOST and len(self._told) > 1:
            self._told_size -= len(self._told.popleft())
