"""The relay as a real process, between a real gRPC server and real clients."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.relay.__main__ import LISTEN_FD
from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.spool.reader import SpoolReader

LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Scorer(scorer_pb2_grpc.ScorerServicer):
    """Answers with calculations for those who ask; the document's text says how."""

    def Score(  # noqa: N802
        self, request: scorer_pb2.ScoreRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.ScoreResponse:
        """Answer one batch."""
        return _answer(request, context)

    def GetModel(  # noqa: N802
        self, request: scorer_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.Model:
        """Answer with what was asked for."""
        return scorer_pb2.Model(id=request.id)

    def ListModels(  # noqa: N802
        self, request: scorer_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.ListModelsResponse:
        """Answer with no model."""
        return scorer_pb2.ListModelsResponse()

    def ScoreStream(  # noqa: N802
        self, request_iterator: Iterator[scorer_pb2.ScoreRequest], context: grpc.ServicerContext
    ) -> Iterator[scorer_pb2.ScoreResponse]:
        """Answer batches as they come."""
        for request in request_iterator:
            yield _answer(request, context)


def _answer(request: scorer_pb2.ScoreRequest, context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
    words = dict(word.split("=") for word in request.documents[0].text.split())
    if "sleep" in words:
        time.sleep(float(words["sleep"]))
    if "abort" in words:
        context.abort(grpc.StatusCode(_status(int(words["abort"]))), "as asked")
    if "compress" in words:
        context.set_compression(grpc.Compression.Gzip)
    full = ("scorelens-view", "full") in [(key, value) for key, value in context.invocation_metadata()]
    answer = scorer_pb2.ScoreResponse()
    for document in request.documents:
        answer.results.add(document_id=document.id).tags.add(tag="t" * int(words.get("results", "1")))
        if full:
            tag = answer.calculations.documents.add(document_id=document.id).tags.add(tag="t")
            tag.terms.feature.append("secret" * int(words.get("calculations", "1")))
    if "broken" in words:  # a group, which proto3 does not have
        answer = scorer_pb2.ScoreResponse.FromString(answer.SerializeToString() + b"\x53\x54")
    return answer


def _status(number: int) -> Any:
    return next(code.value for code in grpc.StatusCode if code.value[0] == number)


@contextmanager
def scorer(port: int = 0, credentials: grpc.ServerCredentials | None = None) -> Iterator[str]:
    """Serve a scorer; gives its address."""
    server = grpc.server(ThreadPoolExecutor(16), options=[*LARGE, ("grpc.so_reuseport", 0)])
    scorer_pb2_grpc.add_ScorerServicer_to_server(Scorer(), server)
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    address = f"127.0.0.1:{port}"
    bound = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        server.stop(None).wait()


class RunningRelay:
    """A relay process and its folder."""

    def __init__(self, supervisor: Supervisor, child: Child, address: str, folder: Path) -> None:
        self.supervisor, self.child, self.address, self.folder = supervisor, child, address, folder

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.child.process is not None
        return self.child.process.pid

    def records(self) -> list[CapturedCall]:
        """Read what it has recorded so far."""
        reader = SpoolReader(relay_folder(self.folder), "test")
        try:
            return [record.call for record in reader.read(10**6, 2**40)]
        finally:
            reader.close()

    def channel(self, *options: tuple[str, Any], **more: Any) -> grpc.Channel:
        """Connect a client of its own to it."""
        own = ("grpc.use_local_subchannel_pool", 1)
        return grpc.insecure_channel(self.address, options=[*LARGE, own, *options], **more)


@contextmanager
def relay(
    folder: Path, upstream: str, *flags: str, environment: dict[str, str] | None = None
) -> Iterator[RunningRelay]:
    """Run a relay in front of an upstream."""
    command = [sys.executable, "-m", "scorelens_sidecar.relay", "--listen", "127.0.0.1:0", "--upstream", upstream]
    child = Child("relay", [*command, "--folder", str(folder), *flags], environment or {})
    if environment and LISTEN_FD in environment:
        child.pass_fds = [int(environment[LISTEN_FD])]
    supervisor = Supervisor()
    try:
        ready = supervisor.start(child)
        yield RunningRelay(supervisor, child, ready["address"], folder)
    finally:
        supervisor.stop()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition, with a limit."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            pytest.fail("it did not come about in time")
        time.sleep(0.02)


def request(text: str = "", documents: int = 1) -> scorer_pb2.ScoreRequest:
    """Build a request; the text of its documents tells the scorer how to answer."""
    return scorer_pb2.ScoreRequest(
        documents=[scorer_pb2.Document(id=str(number), text=text) for number in range(documents)]
    )
