"""A scorer that runs in this process on a free port, and callers of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from scorelens.conventions import VIEW_FULL, VIEW_KEY
from scorelens.v1.scorer_pb2 import ScoreRequest, ScoreResponse
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_runtime.settings import read
from scorelens_scorer.server import start
from scorelens_scorer.settings import ScorerSettings

FULL = ((VIEW_KEY, VIEW_FULL),)
UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


@dataclass
class Running:
    """A scorer and a channel to it."""

    address: str
    channel: grpc.Channel
    stub: Any
    stop: Callable[[], None]

    def score(self, request: ScoreRequest, *, full: bool = True) -> ScoreResponse:
        """Score, with calculations unless they are not wanted."""
        answer: ScoreResponse = self.stub.Score(request, metadata=FULL if full else (), timeout=120)
        return answer

    def refusal(self, request: ScoreRequest) -> tuple[grpc.StatusCode, str]:
        """Return the status and the text with which a request is refused."""
        with pytest.raises(grpc.RpcError) as refused:
            self.score(request)
        return refused.value.code(), refused.value.details() or ""


@contextmanager
def serving(**settings: str) -> Iterator[Running]:
    """Serve with some settings given as text, as flags give them."""
    server, _ = start(read(ScorerSettings, "scorer", {"listen": "127.0.0.1:0"} | settings))
    stopped = threading.Lock()

    def once() -> None:
        if stopped.acquire(blocking=False):
            server.stop()

    try:
        with grpc.insecure_channel(server.address, options=UNLIMITED) as channel:
            yield Running(server.address, channel, ScorerStub(channel), once)
    finally:
        once()
