"""A real gRPC scorer on a port that stays the same over restarts; `difficulty` may end a call before it is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from scorelens.conventions import VIEW_FULL, VIEW_KEY
from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1.scorer_pb2_grpc import ScorerServicer, add_ScorerServicer_to_server
from tests.end_to_end.word_scorer import MODEL, WEIGHTS, calculation

Difficulty = Callable[[pb.ScoreRequest, grpc.ServicerContext], object]


class Scorer(ScorerServicer):
    """Scores by words, and remembers what it was asked."""

    def __init__(self) -> None:
        self.difficulty: Difficulty = lambda request, context: None
        self.sizes: list[int] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._server: grpc.Server | None = None
        self.address = "127.0.0.1:0"

    def start(self) -> Scorer:
        """Serve on the address, or on a free port the first time."""
        self._server = grpc.server(ThreadPoolExecutor(8))
        add_ScorerServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port(self.address)}"
        self._server.start()
        return self

    def stop(self) -> None:
        """End all calls."""
        if self._server:
            self._server.stop(None).wait()

    def __enter__(self) -> Scorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def Score(self, request: pb.ScoreRequest, context: grpc.ServicerContext) -> pb.ScoreResponse:  # noqa: N802
        """Score one batch."""
        context.add_callback(self.ended.set)
        with self._lock:
            self.sizes.append(len(request.documents))
            self.metadata.append(dict(context.invocation_metadata()))
        self.difficulty(request, context)
        full = (VIEW_KEY, VIEW_FULL) in [tuple(pair) for pair in context.invocation_metadata()]
        answer = pb.ScoreResponse()
        for document in request.documents:
            tags = sorted((calculation(tag, document.text) for tag in WEIGHTS), key=lambda tag: -tag.probability)
            scores = [
                pb.TagScore(tag=one.tag, title=one.tag.title(), probability=one.probability, selected=one.selected)
                for one in tags
            ]
            answer.results.append(pb.Result(document_id=document.id, model=MODEL, tags=scores))
            if full:
                answer.calculations.documents.append(pb.DocumentCalculation(document_id=document.id, tags=tags))
        return answer

    def ScoreStream(  # noqa: N802
        self, request_iterator: Iterator[pb.ScoreRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ScoreResponse]:
        """Score batches as they come."""
        for request in request_iterator:
            yield self.Score(request, context)

    def GetModel(self, request: pb.GetModelRequest, context: grpc.ServicerContext) -> pb.Model:  # noqa: N802
        """Describe the one model."""
        return pb.Model(id=MODEL.id, version=MODEL.version, tags=[pb.Tag(id=tag, threshold=0.5) for tag in WEIGHTS])

    def ListModels(self, request: pb.ListModelsRequest, context: grpc.ServicerContext) -> pb.ListModelsResponse:  # noqa: N802
        """List the one model."""
        return pb.ListModelsResponse(models=[self.GetModel(pb.GetModelRequest(), context)])


def texts(count: int) -> list[dict[str, str]]:
    """Return documents with their number as id and text."""
    return [{"id": str(number), "text": f"good {number}"} for number in range(count)]
