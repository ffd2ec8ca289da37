"""A request on its way through the scorer, and the pieces that it is scored in."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import grpc

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.checks import RefusedError
from scorelens_scorer.encode import response
from scorelens_scorer.served import Served

NEVER: Final = math.inf
"""As a deadline: none."""


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Documents of one request that one model scores at once; `apart` keeps them from being joined with others'."""

    job: Job
    served: Served
    places: Sequence[int]
    text: int  # characters
    apart: bool = False

    @property
    def documents(self) -> list[Document]:
        """The documents, in the order of the request."""
        return [self.job.documents[place] for place in self.places]

    @property
    def key(self) -> tuple[int, int, bool]:
        """What pieces must have in common to be scored as one: the model, the number of terms, and the view."""
        return id(self.served), self.job.terms, self.job.full


class Job:
    """One request: its pieces are scored one after the other, then it has an answer or an error.

    One thread at a time works on a job. `give_up` may come from any thread.
    """

    def __init__(self, documents: Sequence[Document], terms: int, *, full: bool, largest: int, deadline: float) -> None:
        """Take documents and how to score them; `largest` is in bytes, `deadline` in seconds of the monotonic clock."""
        self.documents, self.terms, self.full = documents, terms, full
        self.answer: bytes | None = None
        self.error: Exception | None = None
        self._largest, self._deadline = largest, deadline
        self._given_up = False
        self._pieces: list[Piece] = []
        self._results, self._calculations = [b""] * len(documents), [b""] * len(documents)
        self._size = 0

    @property
    def piece(self) -> Piece:
        """The piece that is to be scored next."""
        return self._pieces[-1]

    @property
    def done(self) -> bool:
        """Tell whether there is an answer or an error."""
        return self.answer is not None or self.error is not None

    def cut(self, pieces: Sequence[Piece]) -> None:
        """Take the pieces, in the order in which they are to be scored."""
        self._pieces = list(reversed(pieces))

    def give_up(self) -> None:
        """Tell that nobody waits any more."""
        self._given_up = True

    def is_waited_for(self) -> bool:
        """Tell whether somebody still waits; fail the job where not."""
        if self._given_up or time.monotonic() > self._deadline:
            self.fail(GivenUpError())
        return not self.done

    def set_apart(self, piece: Piece) -> None:
        """Have a piece scored again, alone; what becomes of it where it is being scored does not count any more."""
        if self._is_next(piece):
            self._pieces[-1] = replace(piece, apart=True)

    def keep(self, piece: Piece, results: Sequence[bytes], calculations: Sequence[bytes]) -> None:
        """Take in what was made of the next piece; the last one makes the answer."""
        if not self._is_next(piece):
            return
        for whole, parts in ((self._results, results), (self._calculations, calculations)):
            for place, part in zip(piece.places, parts, strict=False):
                whole[place] = part
                self._size += len(part)
        self._pieces.pop()
        if self._is_small_enough(self._size) and not self._pieces:
            answer = response(self._results, self._calculations if self.full else None)
            if self._is_small_enough(len(answer)):
                self.answer = answer

    def fail(self, error: Exception, piece: Piece | None = None) -> None:
        """End with an error, unless it is about a piece that was scored elsewhere meanwhile."""
        if not self.done and (piece is None or self._is_next(piece)):
            self.error = error

    def result(self) -> bytes:
        """Return the answer. Raises what the job failed with."""
        if self.error is not None:
            raise self.error
        assert self.answer is not None  # noqa: S101 - only a job that is done is asked
        return self.answer

    def _is_next(self, piece: Piece) -> bool:
        return not self.done and bool(self._pieces) and piece is self._pieces[-1]

    def _is_small_enough(self, size: int) -> bool:
        if size > self._largest:
            self.error = RefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"documents: the answer would be larger than the {self._largest} bytes that a message may have; "
                "send fewer documents or ask for fewer terms",
            )
        return size <= self._largest
