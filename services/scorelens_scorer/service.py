"""The gRPC edge: requests in, answers or statuses out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import grpc

from scorelens.conventions import SCORER_SERVICE, VIEW_FULL, VIEW_KEY
from scorelens.v1 import scorer_pb2
from scorelens_runtime.serving import INTERNAL_TEXT
from scorelens_scorer.checks import RefusedError
from scorelens_scorer.errors import ModelFaultError
from scorelens_scorer.router import UnknownModelError
from scorelens_scorer.scoring import GivenUpError, Scorer
from scorelens_scorer.undecodable import Undecodable, decoder

_log = logging.getLogger(__name__)
Context = grpc.ServicerContext


class Service:
    """The methods of scorelens.v1.Scorer; requests come as messages or as Undecodable."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def add_to(self, server: grpc.Server) -> None:
        """Register the methods. Scores leave as bytes: their size is known before they are sent."""
        score = decoder(scorer_pb2.ScoreRequest)
        handlers = {
            "Score": grpc.unary_unary_rpc_method_handler(self.score, score),
            "ScoreStream": grpc.stream_stream_rpc_method_handler(self.score_stream, score),
            "GetModel": grpc.unary_unary_rpc_method_handler(
                self.get_model, decoder(scorer_pb2.GetModelRequest), scorer_pb2.Model.SerializeToString
            ),
            "ListModels": grpc.unary_unary_rpc_method_handler(
                self.list_models, decoder(scorer_pb2.ListModelsRequest), scorer_pb2.ListModelsResponse.SerializeToString
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SCORER_SERVICE, handlers),))

    def score(self, request: Any, context: Context) -> bytes:
        """Answer a batch."""
        return self._answer(request, context, full=_wants_full(context))

    def score_stream(self, requests: Iterator[Any], context: Context) -> Iterator[bytes]:
        """Answer batches as they come."""
        full = _wants_full(context)
        for request in requests:
            yield self._answer(request, context, full=full)

    def get_model(self, request: Any, context: Context) -> scorer_pb2.Model:
        """Describe a model."""
        _decoded(request, context)
        if not request.id:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "id: is empty; name a model")
        try:
            return self._scorer.router.named(request.id, request.version).description
        except UnknownModelError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))

    def list_models(self, request: Any, context: Context) -> scorer_pb2.ListModelsResponse:
        """Describe all models."""
        _decoded(request, context)
        return scorer_pb2.ListModelsResponse(models=[served.description for served in self._scorer.router.all()])

    def _answer(self, request: Any, context: Context, *, full: bool) -> bytes:
        _decoded(request, context)
        try:
            return self._scorer.answer(request, full=full, waited_for=context.is_active)
        except RefusedError as error:
            context.abort(error.code, error.text)
        except ModelFaultError as error:
            _log.error("model broke its word", exc_info=error.__cause__, extra={"reason": str(error)})
            context.abort(grpc.StatusCode.INTERNAL, INTERNAL_TEXT)
        except GivenUpError:
            context.abort(grpc.StatusCode.CANCELLED, "nobody waits for the answer any more")


def _decoded(request: Any, context: Context) -> None:
    if isinstance(request, Undecodable):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, request.reason)


def _wants_full(context: Context) -> bool:
    # Some clients and proxies join values of one key by commas.
    values = (value for key, value in context.invocation_metadata() if key == VIEW_KEY and isinstance(value, str))
    return any(part.strip() == VIEW_FULL for value in values for part in value.split(","))
