"""From a request to an answer: each document to its model, in chunks, within the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import grpc

from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_scorer.checks import Limits, RefusedError, check
from scorelens_scorer.encode import response
from scorelens_scorer.model import ALL_TERMS
from scorelens_scorer.router import Router, UnknownModelError
from scorelens_scorer.served import Served

CHUNK: Final = 64
"""Documents that are scored at once; between chunks a call that nobody waits for any more is given up."""

CHUNK_TEXT: Final = 2**20
"""Characters of text from which a chunk is closed."""


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


class Scorer:
    """Answers requests with the models of a router."""

    def __init__(self, router: Router, limits: Limits, default_terms: int) -> None:
        self.router, self._limits, self._default_terms = router, limits, default_terms

    def answer(self, request: ScoreRequest, *, full: bool, waited_for: Callable[[], bool] = lambda: True) -> bytes:
        """Score a request and return the answer as bytes of a ScoreResponse.

        Raises RefusedError for a request that cannot be answered, ModelFaultError, and GivenUpError.
        """
        check(request, self._limits)
        terms = (ALL_TERMS if request.all_terms else request.max_terms or self._default_terms) if full else 0
        results, calculations = [b""] * len(request.documents), [b""] * len(request.documents)
        size = 0
        for served, places in self._chunks(request):
            if not waited_for():
                raise GivenUpError
            documents = [request.documents[place] for place in places]
            chances, made = served.score(documents, terms)
            encoded = served.encoder.encode(documents, chances, made, full=full)
            for whole, parts in zip((results, calculations), encoded, strict=True):
                for place, part in zip(places, parts, strict=False):
                    whole[place] = part
                    size += len(part)
            self._check_size(size)
        answer = response(results, calculations if full else None)
        self._check_size(len(answer))
        return answer

    def _chunks(self, request: ScoreRequest) -> Iterator[tuple[Served, list[int]]]:
        for served, places in self._by_model(request):
            chunk: list[int] = []
            text = 0
            for place in places:
                chunk.append(place)
                text += len(request.documents[place].text)
                if len(chunk) == CHUNK or text >= CHUNK_TEXT:
                    yield served, chunk
                    chunk, text = [], 0
            if chunk:
                yield served, chunk

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

    def _check_size(self, size: int) -> None:
        if size > self._limits.answer:
            raise RefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"documents: the answer would be larger than the {self._limits.answer} bytes that a message may have; "
                "send fewer documents or ask for fewer terms",
            )
