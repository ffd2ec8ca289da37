"""What stands before every page: whose session it is, whether a request is meant, how browsers treat answers."""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from functools import partial
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scorelens_console.access.sessions import Session
from scorelens_console.access.tokens import METHOD as TOKEN
from scorelens_console.access.trail import Trail
from scorelens_console.audit import AuditError
from scorelens_console.errors import BadRequestError, ForgedError, WrongHostError
from scorelens_console.web.audited import Audited
from scorelens_console.web.bounded import Bounded
from scorelens_console.web.context import Console, is_of_api, write_line
from scorelens_console.web.failures import on_unknown_error, refusal
from scorelens_console.web.origin import SAFE, is_foreign, is_known_host
from scorelens_console.web.who import find_session
from scorelens_runtime.errors import ScorelensError

CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
FOR_ANYBODY: Final = ("/static/", "/health")
"""Addresses that answer the same whoever asks, by whatever name."""
FORM_BYTES: Final = 2**16
FORM_SECONDS: Final = 30.0
"""Largest and longest request of somebody who is not signed in."""
UPLOAD_SECONDS: Final = 900.0
"""Longest of somebody who is."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HTTPS_HEADERS: Final = {"Strict-Transport-Security": "max-age=31536000"}
_FOREVER: Final = "public, max-age=31536000, immutable"

_log = logging.getLogger(__name__)


class Gate:
    """Finds the session of a request, refuses foreign hosts and forged changes, and sets the headers of answers."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app, self._settings = app, console.settings
        self._headers = HEADERS | (HTTPS_HEADERS if console.settings.is_secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; whatever goes wrong, the answer is one for people."""
        if scope["type"] != "http":
            return
        trail = Trail()
        scope.setdefault("state", {}).update(trail=trail, session=None)
        if self._settings.is_secure:
            scope["scheme"] = "https"  # a proxy in front may have decrypted it
        request, plain = Request(scope, receive), partial(self._send, scope, send)
        answer = Audited(plain, trail, partial(write_line, request))
        try:
            await self._pass(request, answer)
        except Exception as error:
            make = refusal if isinstance(error, ScorelensError) else on_unknown_error
            page = await make(request, error)
            if not answer.has_begun:
                await page(scope, receive, plain)
        finally:
            if trail.is_due:
                with suppress(AuditError):  # it has logged why
                    write_line(request)

    async def _pass(self, request: Request, send: Send) -> None:
        """Let a request in. Raises ScorelensError for one that may not."""
        if request.url.path.startswith(FOR_ANYBODY):
            await self._app(request.scope, request.receive, send)
            return
        if not is_known_host(request.headers.get("host", ""), self._settings.listen.host, self._settings.public_url):
            raise WrongHostError("this host name is not the console's; its setting --public-url says what is")
        session = find_session(request)
        request.state.session = session
        most, seconds = (self._settings.max_upload, UPLOAD_SECONDS) if session else (FORM_BYTES, FORM_SECONDS)
        body = Bounded(request.receive, most, seconds)
        body.check(_length(request))
        if request.method not in SAFE:
            await self._check_meant(request, session, body)
        await self._app(request.scope, body, send)

    async def _check_meant(self, request: Request, session: Session | None, body: Bounded) -> None:
        """Raise ForgedError for a change that a page of another site may have asked for."""
        if is_of_api(request) and (session is None or session.identity.method == TOKEN):
            return  # nothing that a browser adds by itself lets it do anything
        origins, sites = request.headers.getlist("origin"), request.headers.getlist("sec-fetch-site")
        foreign = is_foreign(origins, sites, self._own_origins(request))
        if foreign or (foreign is None and session is None):
            raise ForgedError("a page of another site seems to have asked for this; go on from a page of this console")
        if session is None:
            return
        given = request.headers.get(CSRF_HEADER) or ""
        if not given and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            given = (await body.form()).get(CSRF_FIELD, "")
        if not secrets.compare_digest(given.encode(), session.csrf.encode()):
            raise ForgedError("this form is not of this session; load the page again")

    def _own_origins(self, request: Request) -> frozenset[str]:
        here = f"{request.url.scheme}://{request.headers['host'].lower()}"
        return frozenset((here, self._settings.public_url.origin) if self._settings.public_url else (here,))

    async def _send(self, scope: Scope, send: Send, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            is_file = scope["path"].startswith("/static/")
            if not is_file:
                headers.setdefault("Cache-Control", "no-store")
            elif message["status"] == 200 and scope["query_string"].startswith(b"v="):
                headers.setdefault("Cache-Control", _FOREVER)  # its name tells its version
        await send(message)


def _length(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError("the header Content-Length is no number")
    return int(text)
