"""grpc-go's interop client and server see no difference with the relay between them."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scorelens_sidecar.captured import Part
from tests.scorelens_sidecar.relay.processes import RunningRelay, relay, until

CASES = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
]

NEVER_SENT = ("timeout_on_sleeping_server", "cancel_after_begin")
"""Calls that may be over before their first frame is sent, so that they leave a record or none."""

pytestmark = pytest.mark.go


@pytest.fixture(scope="module")
def running(go_tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningRelay, str]]:
    """A relay in front of grpc-go's interop server."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([go_tools / "interop_server", "--port", str(port)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port))
        upstream = f"127.0.0.1:{port}"
        with relay(tmp_path_factory.mktemp("interop"), upstream) as started:
            yield started, upstream
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run(go_tools: Path, address: str, case: str) -> subprocess.CompletedProcess[str]:
    host, port = address.split(":")
    command = [str(go_tools / "interop_client"), "--server_host", host, "--server_port", port, "--test_case", case]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("case", CASES)
def test_a_case_passes_with_the_relay_between(go_tools: Path, running: tuple[RunningRelay, str], case: str) -> None:
    """What passes without the relay passes with it, and leaves records."""
    started, upstream = running
    direct = _run(go_tools, upstream, case)
    assert direct.returncode == 0, direct.stderr
    seen = len(started.records())
    through = _run(go_tools, started.address, case)
    assert through.returncode == 0, through.stderr
    if case not in NEVER_SENT:
        until(lambda: len(started.records()) > seen)
    records = started.records()[seen:]
    assert {record.part for record in records} <= {Part.CLOSING}
    assert all(re.fullmatch(rb"/grpc\.testing\.[\w.]+/\w+", record.path) for record in records)
