"""What stands before every page: whose session it is, whether a request is meant, how browsers treat answers."""

from __future__ import annotations

import secrets
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scorelens_console.web.context import Console
from scorelens_runtime.endpoint import is_loopback

COOKIE: Final = "scorelens-session"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

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


class Gate:
    """Finds the session of a request, refuses foreign hosts and forged changes, and sets the headers of answers."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app, self._console = app, console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        scope.setdefault("state", {})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if not self._is_known_host(request):
            await PlainTextResponse("this host name is not the console's", 421)(scope, receive, with_headers)
            return
        session = self._console.sessions.find(request.cookies.get(COOKIE, ""))
        scope["state"]["session"] = session
        if (
            session
            and request.method not in SAFE
            and not secrets.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), session.csrf.encode())
        ):
            await PlainTextResponse("this form is not of this session; load the page again", 403)(
                scope, receive, with_headers
            )
            return
        await self._app(scope, receive, with_headers)

    def _is_known_host(self, request: Request) -> bool:
        """Tell whether a browser was led here by the console's own name, and not by one that somebody else owns."""
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        return is_loopback(host.strip("[]"))
