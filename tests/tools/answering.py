"""A local HTTP(S) server that answers as a test says, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from tests.tools.certificates import Certificate


class Asked(NamedTuple):
    """A request; names of headers are in small letters, `body` is what its JSON means."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


Answer = Callable[[Asked], tuple[int, Any]]
"""Returns status and what becomes the JSON of the answer."""


class AnsweringServer(ThreadingHTTPServer):
    """Speaks TLS where it has a certificate; with `clients` it wants a certificate of that authority."""

    daemon_threads = True

    def __init__(self, answer: Answer, certificate: Certificate | None = None, clients: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.asked = answer, list[Asked]()
        self.context = None if certificate is None else _context(certificate, clients)

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.server_port}"

    def show(self, certificate: Certificate) -> None:
        """Show another certificate to new connections."""
        self.context = _context(certificate, None)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the thread of the request; who is refused hears why before the connection ends."""
        with request:
            if self.context is None:
                super().finish_request(request, client_address)
                return
            encrypted = self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            with encrypted, contextlib.suppress(OSError):
                try:
                    encrypted.do_handshake()
                except ssl.SSLError:
                    _hear_out(encrypted)
                else:
                    super().finish_request(encrypted, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: AnsweringServer

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, json.loads(content) if content else None)
        self.server.asked.append(asked)
        status, body = self.server.answer(asked)
        answer = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _hear_out(connection: ssl.SSLSocket) -> None:
    # To close with something unread would take back the alert that says why.
    descriptor = connection.detach()
    with socket.socket(fileno=descriptor) as plain:
        plain.shutdown(socket.SHUT_WR)
        plain.settimeout(5)
        while plain.recv(65536):
            pass


@contextmanager
def answering(
    answer: Answer, certificate: Certificate | None = None, clients: Path | None = None
) -> Iterator[AnsweringServer]:
    """Run a server for the time of the block."""
    server = AnsweringServer(answer, certificate, clients)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _context(certificate: Certificate, clients: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
