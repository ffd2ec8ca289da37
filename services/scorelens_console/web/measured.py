"""Counts every request by the page that answered it, its status and its time."""

from __future__ import annotations

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scorelens_console.measures import Measures

OTHER: Final = "other"
_NO_ANSWER: Final = 499
"""Stands for the status of a request whose caller went away before there was one."""


class Measured:
    """An application whose requests are counted."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self._app, self._measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), _NO_ANSWER

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._measures.request(_route(scope), status, time.perf_counter() - began)


def _route(scope: Scope) -> str:
    """Return the name of what answered, of which there are as many as the console has pages."""
    if scope["path"].startswith("/static/"):
        return "static"
    return str(getattr(scope.get("endpoint"), "__name__", OTHER))
