"""From a request to jobs and pieces, and from pieces to bytes: each document to its model, within the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import grpc

from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_scorer.checks import Limits, RefusedError, check
from scorelens_scorer.errors import ModelFaultError
from scorelens_scorer.jobs import NEVER, Job, Piece
from scorelens_scorer.model import ALL_TERMS
from scorelens_scorer.router import Router, UnknownModelError
from scorelens_scorer.served import Served

CHUNK: Final = 64
"""Documents that are scored at once: enough for the speed of large arrays, few enough for a processor's cache."""

CHUNK_TEXT: Final = 2**20
"""Characters of text from which a chunk is closed."""


class Scorer:
    """Makes jobs of requests, with the models of a router."""

    def __init__(self, router: Router, limits: Limits, default_terms: int) -> None:
        self.router, self._limits, self._default_terms = router, limits, default_terms

    def plan(self, request: ScoreRequest, *, full: bool, deadline: float = NEVER) -> Job:
        """Make a job of a request. Raises RefusedError for one that cannot be answered."""
        check(request, self._limits)
        terms = (ALL_TERMS if request.all_terms else request.max_terms or self._default_terms) if full else 0
        documents = list(request.documents)
        job = Job(documents, terms, full=full, largest=self._limits.answer, deadline=deadline)
        job.cut([piece for served, places in self._by_model(request) for piece in _pieces(job, served, places)])
        return job

    def answer(self, request: ScoreRequest, *, full: bool) -> bytes:
        """Score a request at once and return the answer as bytes of a ScoreResponse.

        Raises RefusedError and ModelFaultError.
        """
        job = self.plan(request, full=full)
        while not job.done:
            score([job.piece])
        return job.result()

    def _by_model(self, request: ScoreRequest) -> Sequence[tuple[Served, Sequence[int]]]:
        documents: Sequence[Document] = request.documents
        table = self.router.table
        if request.model:
            try:
                return [(table.named(request.model, request.model_version), range(len(documents)))]
            except UnknownModelError as error:
                raise RefusedError(grpc.StatusCode.NOT_FOUND, str(error)) from error
        places: dict[int, tuple[Served, list[int]]] = {}
        for place, document in enumerate(documents):
            served = table.for_kind(document.kind)
            places.setdefault(id(served), (served, []))[1].append(place)
        return list(places.values())


def score(pieces: Sequence[Piece]) -> None:
    """Score pieces that have their key in common as one batch, and give each job its share.

    Where a model breaks its word for pieces of several jobs, each is scored again alone, so that only the job at fault
    fails.
    """
    first = pieces[0]
    documents = [document for piece in pieces for document in piece.documents]
    try:
        chances, made = first.served.score(documents, first.job.terms)
        results, calculations = first.served.encoder.encode(documents, chances, made, full=first.job.full)
    except ModelFaultError as error:
        if len(pieces) == 1:
            first.job.fail(error, first)
            return
        for piece in pieces:
            if piece.job.is_waited_for():
                score([piece])
        return
    start = 0
    for piece in pieces:
        end = start + len(piece.places)
        piece.job.keep(piece, results[start:end], calculations[start:end])
        start = end


def _pieces(job: Job, served: Served, places: Sequence[int]) -> Iterator[Piece]:
    chunk: list[int] = []
    text = 0
    for place in places:
        chunk.append(place)
        text += len(job.documents[place].text)
        if len(chunk) == CHUNK or text >= CHUNK_TEXT:
            yield Piece(job, served, chunk, text)
            chunk, text = [], 0
    if chunk:
        yield Piece(job, served, chunk, text)
