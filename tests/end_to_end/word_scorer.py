"""A scorer of a page: the contract implemented by hand, as somebody's own service would.

Two tags, whose margins are weights of words; a document whose text is "unstorable" gets a calculation whose
arrays do not fit each other.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

from scorelens import conventions
from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1 import scorer_pb2_grpc
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.serving import RunningServer, Serving, serve_until_told

WEIGHTS = {"praise": {"good": 2.0, "bad": -1.0}, "complaint": {"bad": 2.5, "refund": 1.5, "good": -1.0}}
INTERCEPT = -0.5
MODEL = pb.ModelRef(id="words", version="1")


def calculation(tag: str, text: str) -> pb.Calculation:
    """Add up the weights of the words of a text."""
    terms = [(word, WEIGHTS[tag][word]) for word in text.lower().split() if word in WEIGHTS[tag]]
    terms.sort(key=lambda term: -abs(term[1]))
    margin = INTERCEPT + sum(weight for _, weight in terms)
    probability = 1 / (1 + math.exp(-margin))
    return pb.Calculation(
        tag=tag,
        explanation=pb.EXPLANATION_EXACT,
        intercept=INTERCEPT,
        terms=pb.Terms(
            feature=[word for word, _ in terms],
            value=[1.0] * (len(terms) + (text == "unstorable")),
            coefficient=[weight for _, weight in terms],
            contribution=[weight for _, weight in terms],
        ),
        margin=margin,
        link=pb.Link(name="sigmoid"),
        probability=probability,
        threshold=0.5,
        selected=probability >= 0.5,
    )


class WordScorer(scorer_pb2_grpc.ScorerServicer):
    """Scores by the words above."""

    def Score(self, request: pb.ScoreRequest, context: object) -> pb.ScoreResponse:  # noqa: N802
        """Score one batch."""
        metadata = context.invocation_metadata()  # type: ignore[attr-defined]
        full = (conventions.VIEW_KEY, conventions.VIEW_FULL) in [tuple(pair) for pair in metadata]
        answer = pb.ScoreResponse()
        for document in request.documents:
            tags = [calculation(tag, document.text) for tag in WEIGHTS]
            tags.sort(key=lambda tag: -tag.probability)
            scores = [
                pb.TagScore(tag=tag.tag, title=tag.tag.title(), probability=tag.probability, selected=tag.selected)
                for tag in tags
            ]
            answer.results.append(pb.Result(document_id=document.id, model=MODEL, tags=scores))
            if full:
                answer.calculations.documents.append(
                    pb.DocumentCalculation(document_id=document.id, model=MODEL, tags=tags)
                )
        return answer

    def GetModel(self, request: pb.GetModelRequest, context: object) -> pb.Model:  # noqa: N802
        """Describe the one model."""
        return pb.Model(id=MODEL.id, version=MODEL.version, tags=[pb.Tag(id=tag, threshold=0.5) for tag in WEIGHTS])

    def ListModels(self, request: pb.ListModelsRequest, context: object) -> pb.ListModelsResponse:  # noqa: N802
        """List the one model."""
        return pb.ListModelsResponse(models=[self.GetModel(pb.GetModelRequest(), context)])

    def ScoreStream(self, requests: Iterator[pb.ScoreRequest], context: object) -> Iterator[pb.ScoreResponse]:  # noqa: N802
        """Score batches as they come."""
        for request in requests:
            yield self.Score(request, context)


def main() -> None:
    """Serve on the address given by --listen."""
    listen = Endpoint.parse_listen(sys.argv[sys.argv.index("--listen") + 1])
    server = RunningServer(
        Serving(listen),
        [conventions.SCORER_SERVICE],
        lambda grpc_server: scorer_pb2_grpc.add_ScorerServicer_to_server(WordScorer(), grpc_server),
    )
    serve_until_told(server)


if __name__ == "__main__":
    main()
