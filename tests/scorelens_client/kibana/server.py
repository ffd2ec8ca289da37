"""A server that judges and answers requests as Kibana documents it: status, spaces, import of saved objects."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.tools.certificates import Certificate

Key = tuple[str, str]


@dataclass
class FakeKibana:
    """What the server holds, wants and does wrong."""

    version: str = "9.0.1"
    base_path: str = ""
    authorization: str = ""  # the header that signs in; empty lets everybody in
    forbidden: tuple[str, ...] = ()  # paths that the one who signed in may not use
    known_types: tuple[str, ...] = ("index-pattern", "search", "dashboard")
    spaces: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=lambda: {"default": {}})
    faults: list[str] = field(default_factory=list)  # what goes wrong with the next requests, one each
    broken: dict[Key, dict[str, Any]] = field(default_factory=dict)  # errors of single objects
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def import_objects(self, space: str, objects: list[dict[str, Any]], overwrite: bool) -> dict[str, Any]:
        """Import as Kibana does: one error that somebody could resolve, and nothing is created."""
        there = self.spaces.setdefault(space, {})
        errors = [self._error(one, error) for one in objects if (error := self._wrong(one, objects, there))]
        wrong = {(one["type"], one["id"]) for one in errors}
        if not overwrite:
            errors += [self._error(one, {"type": "conflict"}) for one in objects if _key(one) in there]
        return self._create(there, [one for one in objects if _key(one) not in wrong], errors, overwrite)

    def resolve(self, space: str, objects: list[dict[str, Any]], retries: list[dict[str, Any]]) -> dict[str, Any]:
        """Import only the objects that are named."""
        there = self.spaces.setdefault(space, {})
        named = {(retry["type"], retry["id"]): retry for retry in retries}
        chosen = [one for one in objects if _key(one) in named]
        errors = [self._error(one, error) for one in chosen if (error := self._wrong(one, chosen, there))]
        errors += [
            self._error(one, {"type": "conflict"})
            for one in chosen
            if _key(one) in there and not named[_key(one)].get("overwrite")
        ]
        return self._create(there, chosen, errors, overwrite=True)

    def _create(
        self, there: dict[Key, Any], objects: list[dict[str, Any]], errors: list[dict[str, Any]], overwrite: bool
    ) -> dict[str, Any]:
        wrong = {(one["type"], one["id"]) for one in errors}
        good = [one for one in objects if _key(one) not in wrong]
        results = [
            {"type": one["type"], "id": one["id"], "managed": False, "meta": {"title": one["attributes"]["title"]}}
            | ({"overwrite": True} if overwrite and _key(one) in there else {})
            for one in good
        ]
        if not any(one["error"]["type"] in ("conflict", "missing_references") for one in errors):
            there.update({_key(one): one for one in good})
        answer: dict[str, Any] = {"success": not errors, "successCount": len(good), "warnings": []}
        return answer | ({"successResults": results} if results else {}) | ({"errors": errors} if errors else {})

    def _wrong(self, one: dict[str, Any], objects: list[dict[str, Any]], there: dict[Key, Any]) -> Any:
        if one["type"] not in self.known_types:
            return {"type": "unsupported_type"}
        if _key(one) in self.broken:
            return self.broken[_key(one)]
        known = {_key(other) for other in objects} | set(there)
        missing = [{"type": to["type"], "id": to["id"]} for to in one["references"] if _key(to) not in known]
        return {"type": "missing_references", "references": missing} if missing else None

    def _error(self, one: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
        return {"type": one["type"], "id": one["id"], "meta": {"title": one["attributes"]["title"]}, "error": error}


@contextmanager
def serving(kibana: FakeKibana, certificate: Certificate | None = None) -> Iterator[FakeKibana]:
    """Serve on any port, with TLS where there is a certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kibana": kibana}))
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    kibana.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}{kibana.base_path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield kibana
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    kibana: FakeKibana
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["content-length"])))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _serve(self, body: bytes) -> None:
        self.kibana.requests.append((self.command, self.path))
        if self.kibana.faults and (fault := self.kibana.faults.pop(0)):
            self._fail(fault)
            return
        status, answer = self._answer(body)
        self._send(status, json.dumps(answer).encode())

    def _fail(self, fault: str) -> None:
        match fault:
            case "not ready":
                self._send(503, b"Kibana server is not ready yet", "text/plain", {"retry-after": "30"})
            case "login page":
                self._send(302, b"", "text/html", {"location": "https://sso.example/login?next=kibana"})
            case "page":
                self._send(200, b"<!DOCTYPE html><html><body>Welcome</body></html>", "text/html")
            case "too large":
                self._send(413, b"<html><h1>413 Request Entity Too Large</h1></html>", "text/html")
            case "cut":
                self._send(200, b'{"success":true,', length=5000)
                self.close_connection = True
            case "slow":
                time.sleep(3)
                self.close_connection = True
            case _:
                raise AssertionError(fault)

    def _answer(self, body: bytes) -> tuple[int, Any]:
        url = urlsplit(self.path)
        if not url.path.startswith(self.kibana.base_path):
            return _error(404, "Not Found", "Not Found")
        path, space = url.path.removeprefix(self.kibana.base_path), "default"
        if path.startswith("/s/"):
            space, _, rest = path.removeprefix("/s/").partition("/")
            path = "/" + rest
        signed = self.headers.get("authorization", "") == self.kibana.authorization
        if path == "/api/status":
            return self._status(signed)
        if not signed:
            return _error(401, "Unauthorized", "Unauthorized")
        if path in self.kibana.forbidden:
            return _error(403, "Forbidden", "Unable to bulk_create dashboard,search")
        if self.command == "POST" and "kbn-xsrf" not in self.headers:
            return _error(400, "Bad Request", "Request must contain a kbn-xsrf header.")
        if path.startswith("/api/spaces/space"):
            return self._spaces(path.removeprefix("/api/spaces/space").strip("/"), body)
        return self._import(path, space, parse_qs(url.query), body)

    def _status(self, signed: bool) -> tuple[int, Any]:
        overall = {"status": {"overall": {"level": "available", "summary": "All services are available"}}}
        return 200, overall | ({"name": "kibana", "version": {"number": self.kibana.version}} if signed else {})

    def _spaces(self, name: str, body: bytes) -> tuple[int, Any]:
        if self.command == "GET":
            found = name in self.kibana.spaces
            return (200, {"id": name, "name": name}) if found else _error(404, "Not Found", "Not Found")
        wanted = json.loads(body)
        assert set(wanted) == {"id", "name"}
        assert self.headers["content-type"] == "application/json"
        if wanted["id"] in self.kibana.spaces:
            return _error(409, "Conflict", "A space with the identifier already exists")
        self.kibana.spaces[wanted["id"]] = {}
        return 200, wanted

    def _import(self, path: str, space: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        parts = _form(self.headers["content-type"], body)
        if "file" not in parts or not (parts["file"].get_filename() or "").endswith(".ndjson"):
            return _error(400, "Bad Request", "Invalid file extension")
        objects = [json.loads(line) for line in _content(parts["file"]).splitlines()]
        match path:
            case "/api/saved_objects/_import":
                assert set(query) <= {"overwrite"}
                overwrite = query.get("overwrite") == ["true"]
                return 200, self.kibana.import_objects(space, objects, overwrite)
            case "/api/saved_objects/_resolve_import_errors":
                return 200, self.kibana.resolve(space, objects, json.loads(_content(parts["retries"])))
        return _error(404, "Not Found", "Not Found")

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json; charset=utf-8",
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "kbn-name": "kibana", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


def _form(kind: str, body: bytes) -> dict[str, Any]:
    assert kind.startswith("multipart/form-data; boundary=")
    message = message_from_bytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="content-disposition")): part for part in message.walk() if part != message
    }


def _content(part: Any) -> str:
    content: bytes = part.get_payload(decode=True)
    return content.decode()


def _key(one: dict[str, Any]) -> Key:
    return one["type"], one["id"]


def _error(status: int, error: str, message: str) -> tuple[int, Any]:
    return status, {"statusCode": status, "error": error, "message": message}
