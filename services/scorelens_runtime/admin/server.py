"""Serves /livez, /readyz and /metrics: a few threads beside the work, no library."""

from __future__ import annotations

import json
import logging
import socket
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from scorelens_runtime.admin.readiness import Readiness

_log = logging.getLogger(__name__)

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_TIMEOUT: Final = 10.0
"""Seconds after which a slow caller is left."""
_MOST_CALLERS: Final = 16

Answer = tuple[HTTPStatus, str, bytes]


class AdminServer:
    """Answers on a listening socket until closed."""

    def __init__(self, listening: socket.socket, readiness: Readiness, metrics: Callable[[], bytes]) -> None:
        """Begin to answer; `metrics` makes the text of /metrics, in any thread."""
        self._readiness, self._metrics = readiness, metrics
        self._server = _Server(listening, self._answer)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="admin", daemon=True).start()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> Answer:
        match path.partition("?")[0]:
            case "/livez":
                return HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n"
            case "/readyz":
                return _readiness(self._readiness.objection())
            case "/metrics":
                return HTTPStatus.OK, METRICS_TYPE, self._metrics()
        return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"there is /livez, /readyz and /metrics\n"


def _readiness(objection: str) -> Answer:
    body: dict[str, Any] = {"ready": not objection}
    if objection:
        body["reason"] = objection
    status = HTTPStatus.SERVICE_UNAVAILABLE if objection else HTTPStatus.OK
    return status, "application/json", json.dumps(body).encode() + b"\n"


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A socket that listens already, whatever its family; so many callers at a time, others wait."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket, answer: Callable[[str], Answer]) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.answer = answer
        self._room = threading.BoundedSemaphore(_MOST_CALLERS)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a caller of the admin port went away", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = _TIMEOUT
    server: _Server

    def do_GET(self) -> None:
        try:
            status, kind, body = self.server.answer(self.path)
        except Exception:
            _log.exception("the admin port cannot answer", extra={"path": self.path.partition("?")[0][:100]})
            status, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", b"see the log\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def version_string(self) -> str:
        return "scorelens"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: probes come every few seconds."""
