"""A proxy in front of a real server, which passes everything on but for what a test has it spoil."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_NOT_PASSED = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "accept-encoding"}
_LIMIT = 60.0


@dataclass(frozen=True)
class Answer:
    """What goes back; of a `share` below 1 the rest of the body is missing and the connection ends."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    share: float = 1.0


@dataclass(frozen=True)
class Passing:
    """A request on its way."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    upstream: str

    @property
    def is_bulk(self) -> bool:
        """Tell whether it writes many documents at once."""
        return self.path.startswith("/_bulk")

    def forward(self, body: bytes | None = None) -> Answer:
        """Return the real server's answer."""
        parts = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_LIMIT)
        try:
            connection.request(self.method, self.path, self.body if body is None else body, self.headers)
            got = connection.getresponse()
            headers = {name: value for name, value in got.getheaders() if name.lower() not in _NOT_PASSED}
            return Answer(got.status, got.read(), headers)
        finally:
            connection.close()


Fault = Callable[[Passing], Answer]


def passing(request: Passing) -> Answer:
    """Spoil nothing."""
    return request.forward()


class Proxy(ThreadingHTTPServer):
    """Listens on a port of its own; `fault` says what becomes of a request."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.fault: Fault = passing

    @property
    def url(self) -> str:
        """Address of the proxy."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave what a connection ends with to its client."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED}
        try:
            answer = self.server.fault(Passing(self.command, self.path, body, headers, self.server.upstream))
        except OSError:
            answer = Answer(0, share=0)
        self.close_connection = self.close_connection or answer.share < 1
        if answer.status:
            self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in {"X-elastic-product": "Elasticsearch", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: round(len(answer.body) * answer.share)])

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _pass  # noqa: N815


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    """Run a proxy until the end of the block."""
    with Proxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
