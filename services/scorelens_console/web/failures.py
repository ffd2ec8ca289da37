"""Errors as pages: the one place where they get a status and a way to go on."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from scorelens_console.errors import BadRequestError, NotAllowedError, NotFoundError, NotSignedInError
from scorelens_console.web.rendering import page
from scorelens_runtime.errors import ScorelensError, UnavailableError
from scorelens_store.errors import QueryError

_log = logging.getLogger(__name__)

STATUSES: Final[tuple[tuple[type[Exception], int, str], ...]] = (
    (NotAllowedError, 403, "Not for your role"),
    (NotFoundError, 404, "Not found"),
    (BadRequestError, 400, "This cannot be read"),
    (QueryError, 400, "This query cannot be read"),
    (UnavailableError, 503, "The store does not answer"),
    (ScorelensError, 500, "This did not work"),
)
UNKNOWN: Final = "something went wrong here; the console's log says what"


def status_of(error: Exception) -> tuple[int, str]:
    """Return the status of an error and a heading for it."""
    return next(((status, title) for kind, status, title in STATUSES if isinstance(error, kind)), (500, "Error"))


async def on_error(request: Request, error: Exception) -> Response:
    """Answer with a page that says what happened and how to go on."""
    if isinstance(error, NotSignedInError):
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": "/signin"})
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/signin?{urlencode({'next': target})}", 303)
    status, title = status_of(error)
    return _shown(request, status, title, str(error))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what no page answers."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _shown(request, status, "Not found" if status == 404 else "Error", "there is no such page")


async def on_unknown_error(request: Request, error: Exception) -> Response:
    """Log what nobody expected, and say nothing of it."""
    _log.error("unknown exception", exc_info=error, extra={"path": request.url.path})
    return _shown(request, 500, "Error", UNKNOWN)


def _shown(request: Request, status: int, title: str, text: str) -> Response:
    template = "error_part.html" if request.headers.get("hx-request") else "error.html"
    return page(request, template, status=status, title=title, text=text)
