"""Errors as pages: the one place where they get a status and a way to go on."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from scorelens_console.errors import (
    BadRequestError,
    ForgedError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    ProviderError,
    TooLargeError,
    TooManyError,
    WrongHostError,
)
from scorelens_console.web.context import is_of_api, session_of
from scorelens_console.web.origin import SAFE
from scorelens_console.web.rendering import page
from scorelens_runtime.errors import ScorelensError, UnavailableError
from scorelens_store.errors import QueryError

_log = logging.getLogger(__name__)

STATUSES: Final[tuple[tuple[type[Exception], int, str], ...]] = (
    (NotSignedInError, 401, "Sign in first"),
    (ForgedError, 403, "Nothing was changed"),
    (NotAllowedError, 403, "Not for your role"),
    (WrongHostError, 421, "Another address"),
    (ProviderError, 502, "Signing in did not work"),
    (NotFoundError, 404, "Not found"),
    (BadRequestError, 400, "This cannot be read"),
    (TooLargeError, 413, "Too large"),
    (TooManyError, 429, "Too many attempts"),
    (QueryError, 400, "This query cannot be read"),
    (UnavailableError, 503, "The store does not answer"),
    (ScorelensError, 500, "This did not work"),
)
FOR_EVERYBODY: Final = (
    NotSignedInError,
    NotAllowedError,
    ProviderError,
    NotFoundError,
    BadRequestError,
    TooLargeError,
    TooManyError,
    WrongHostError,
    QueryError,
)
"""Errors about what somebody asked for. Others tell of machines and folders, which is for data scientists."""

UNKNOWN: Final = "something went wrong here; the console's log says what"
AWAY: Final = "try again in a moment; if it goes on, tell whoever runs this console"

_HTTP: Final[Mapping[int, tuple[str, str]]] = {
    404: ("Not found", "there is no such page"),
    405: ("Not possible", "this address cannot be used in that way"),
}


def status_of(error: Exception) -> tuple[int, str]:
    """Return the status of an error and a heading for it."""
    return next(((status, title) for kind, status, title in STATUSES if isinstance(error, kind)), (500, "Error"))


def text_of(request: Request, error: Exception) -> str:
    """Return what whoever asks may read of an error."""
    session = session_of(request)
    if isinstance(error, FOR_EVERYBODY) or (session and session.identity.is_scientist):
        return str(error)
    return AWAY if isinstance(error, UnavailableError) else UNKNOWN


def headers_of(error: Exception) -> dict[str, str]:
    """Return the headers that go with an error."""
    if isinstance(error, NotSignedInError):
        return {"WWW-Authenticate": "Bearer"}
    seconds = getattr(error, "retry_after", None)
    return {"Retry-After": str(max(1, math.ceil(seconds)))} if seconds is not None else {}


async def on_error(request: Request, error: Exception) -> Response:
    """Answer with a page that says what happened and how to go on; whoever has to sign in is led there."""
    if isinstance(error, NotSignedInError) and not is_of_api(request):
        return _to_sign_in(request)
    return await refusal(request, error)


async def refusal(request: Request, error: Exception) -> Response:
    """Answer with a page that says what happened."""
    status, title = status_of(error)
    if not isinstance(error, FOR_EVERYBODY):
        _log.warning(title, extra={"path": request.url.path, "cause": str(error)})
    return shown(request, status, title, text_of(request, error), headers_of(error))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what no page answers."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    title, text = _HTTP.get(status, ("Error", "this cannot be answered"))
    return shown(request, status, title, text, getattr(error, "headers", None))


async def on_unknown_error(request: Request, error: Exception) -> Response:
    """Log what nobody expected, and say nothing of it."""
    _log.error("unknown exception", exc_info=error, extra={"path": request.url.path})
    return shown(request, 500, "Error", UNKNOWN)


def shown(request: Request, status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page about an error: a part of one for a page that asks for parts, an object for programs (RFC 9457)."""
    if is_of_api(request):
        problem = {"title": title, "status": status, "detail": text}
        return JSONResponse(problem, status, headers, "application/problem+json")
    template = "error_part.html" if request.headers.get("hx-request") else "error.html"
    answer = page(request, template, status=status, title=title, text=text)
    answer.headers.update(headers or {})
    return answer


def _to_sign_in(request: Request) -> Response:
    if request.headers.get("hx-request"):
        # The part of a page that asks is not where somebody wants to go on; the page is.
        target = _local_part(request.headers.get("hx-current-url", ""))
        return Response(status_code=401, headers={"HX-Redirect": f"/signin?{urlencode({'next': target})}"})
    if request.method not in SAFE:
        return RedirectResponse("/signin", 303)
    return RedirectResponse(f"/signin?{urlencode({'next': _local_part(str(request.url))})}", 303)


def _local_part(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")
