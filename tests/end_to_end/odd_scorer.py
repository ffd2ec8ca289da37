"""A scorer that answers in ways a contract cannot prevent: each document's text says which."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import grpc

from scorelens import conventions
from scorelens.v1 import scorer_pb2 as pb
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.serving import RunningServer, Serving, serve_until_told
from tests.end_to_end.word_scorer import WordScorer

SECRET = b"coefficients-are-secret"
"""Part of every calculation below, so that a test can look for it in what a caller got."""


def usual(answer: pb.ScoreResponse) -> bytes:
    """Return an answer as the contract has it."""
    for document in answer.calculations.documents:
        for tag in document.tags:
            tag.intermediates[SECRET.decode()] = 1.0
    return answer.SerializeToString()


def parts(answer: pb.ScoreResponse) -> tuple[bytes, bytes]:
    """Return the calculations and the rest, each serialised."""
    whole = pb.ScoreResponse.FromString(usual(answer))
    calculations = pb.ScoreResponse(calculations=whole.calculations)
    whole.ClearField("calculations")
    return calculations.SerializeToString(), whole.SerializeToString()


def _last(answer: pb.ScoreResponse) -> bytes:
    calculations, rest = parts(answer)
    return rest + calculations


def _twice(answer: pb.ScoreResponse) -> bytes:
    calculations, rest = parts(answer)
    return calculations + rest + calculations


def _large_and_last(answer: pb.ScoreResponse) -> bytes:
    """Unknown bytes as field 15, then the calculations."""
    calculations, rest = parts(answer)
    return rest + b"\x7a\x80\x80\x80\x0a" + bytes(20 * 2**20) + calculations


def _as_group(answer: pb.ScoreResponse) -> bytes:
    return b"\x0b" + SECRET + b"\x0c" + parts(answer)[1]


def _long_tag(answer: pb.ScoreResponse) -> bytes:
    """Field 1 with a tag of more bytes than it needs, which protobuf reads all the same."""
    calculations, rest = parts(answer)
    return b"\x8a\x80\x00" + calculations[1:] + rest


def _too_long(answer: pb.ScoreResponse) -> bytes:
    return b"\x0a\xff\xff\x03" + SECRET


SHAPES: dict[str, Callable[[pb.ScoreResponse], bytes]] = {
    "usual": usual,
    "last": _last,
    "twice": _twice,
    "large and last": _large_and_last,
    "as a group": _as_group,
    "long tag": _long_tag,
    "too long": _too_long,
    "garbage": lambda _: b"\xff" * 40 + SECRET,
    "nothing": lambda _: b"",
}


class OddScorer(WordScorer):
    """Answers as the first document's text says; gzip where the text begins so."""

    def odd(self, request: pb.ScoreRequest, context: Any) -> bytes:
        """Answer one batch."""
        how = request.documents[0].text
        if how.startswith("gzip "):
            context.set_compression(grpc.Compression.Gzip)
            how = how.removeprefix("gzip ")
        if how == "dies":
            os._exit(9)
        if how == "refuses":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today")
        return SHAPES.get(how, usual)(self.Score(request, context))

    def add_to(self, server: grpc.Server) -> None:
        """Serve the one method."""
        handler: grpc.RpcMethodHandler[pb.ScoreRequest, bytes] = grpc.unary_unary_rpc_method_handler(
            self.odd, pb.ScoreRequest.FromString
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(conventions.SCORER_SERVICE, {"Score": handler}),)
        )


def main() -> None:
    """Serve on the address given by --listen."""
    listen = Endpoint.parse_listen(sys.argv[sys.argv.index("--listen") + 1])
    serve_until_told(RunningServer(Serving(listen), [conventions.SCORER_SERVICE], OddScorer().add_to))


if __name__ == "__main__":
    main()
