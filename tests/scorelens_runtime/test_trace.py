"""Log lines that are about one call say which."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest

from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.serving import RunningServer, Serving
from scorelens_runtime.serving_aio import RunningAioServer
from scorelens_runtime.trace import trace_fields
from tests.scorelens_runtime.test_logs import logging_as_a_server

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
CALLED = (("traceparent", TRACEPARENT),)


@pytest.mark.parametrize(
    "value",
    [
        "",
        TRACEPARENT.upper(),
        TRACEPARENT[:-1],
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        b"binary",
    ],
)
def test_headers_that_name_no_trace_say_nothing(value: Any) -> None:
    """What is no valid traceparent is left out of log lines, whoever sent it."""
    assert trace_fields([("traceparent", value)]) == {}
    assert trace_fields(None) == {}


def test_a_later_version_of_the_header_is_read() -> None:
    """A version that is not known yet begins as this one does."""
    assert trace_fields([("x", "y"), ("traceparent", f"01-{TRACE}-{SPAN}-01-more")]) == {
        "trace_id": TRACE,
        "span_id": SPAN,
    }


def line_of(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the one line that was logged."""
    (line,) = (json.loads(line) for line in capfd.readouterr().err.splitlines() if "unknown exception" in line)
    return dict(line)


def call(address: str) -> None:
    """Make a call that fails."""
    with grpc.insecure_channel(address) as channel:
        method: Any = channel.unary_unary("/a.B/C")
        with pytest.raises(grpc.RpcError):
            method(b"", metadata=CALLED, timeout=30)


def test_a_failure_nobody_expected_names_the_call(capfd: pytest.CaptureFixture[str]) -> None:
    """The log line of an unknown exception has the trace of the call, with threads and with an event loop."""

    def fail(request: bytes, context: grpc.ServicerContext) -> bytes:
        raise ValueError("broken")

    async def fail_later(request: bytes, context: Any) -> bytes:
        raise ValueError("broken")

    def add(server: grpc.Server) -> None:
        handler: Any = grpc.unary_unary_rpc_method_handler(fail)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", {"C": handler}),))

    later: Any = grpc.unary_unary_rpc_method_handler(fail_later)
    serving = Serving(Endpoint("127.0.0.1", 0))
    with logging_as_a_server():
        for server in (RunningServer(serving, [], add), RunningAioServer(serving, lambda: {"a.B": {"C": later}})):
            call(server.address)
            line = line_of(capfd)
            assert (line["trace_id"], line["span_id"], line["method"]) == (TRACE, SPAN, "/a.B/C")
            server.stop()
