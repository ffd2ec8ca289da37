"""What processes log."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import grpc.aio
import pytest

from scorelens_runtime.logs import set_up

MEGABYTES = 8


@contextmanager
def logging_as_a_server() -> Iterator[None]:
    """Log as a server does, and as before afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    set_up("scorer")
    yield
    root.handlers[:] = before
    root.setLevel(level)


async def leave_amid_answers(count: int) -> None:
    """Let callers go away as soon as they see how large their answer is."""
    server = grpc.aio.server()

    async def answer(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return bytes(MEGABYTES * 2**20)

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", {"C": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/a.B/C")
        calls = [method(b"") for _ in range(count)]
        codes = {await call.code() for call in calls}
    assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    await server.stop(None)


def test_a_caller_who_goes_away_is_no_line_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    """What gRPC raises where nobody waits for an answer any more is no error of the server."""
    with logging_as_a_server():
        asyncio.run(leave_amid_answers(20))
    assert '"component"' not in capfd.readouterr().err


def test_other_errors_are_lines_with_their_trace(capfd: pytest.CaptureFixture[str]) -> None:
    """One JSON object holds level, component, message and the exception."""
    with logging_as_a_server():
        logging.getLogger("grpc").error("raised", exc_info=ValueError("broken"))
    line = json.loads(capfd.readouterr().err)
    assert (line["level"], line["component"], line["message"]) == ("error", "scorer", "raised")
    assert line["exception"].endswith("ValueError: broken")
