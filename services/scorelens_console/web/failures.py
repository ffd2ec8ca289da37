"""Errors as pages: the one place where they get a status and a way to go on."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
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
from scorelens_store.errors import QueryError, StoreDamagedError

_log = logging.getLogger(__name__)


class Meaning(NamedTuple):
    """The status of an error, a heading for people, and a word for programs."""

    status: int
    title: str
    code: str


MEANINGS: Final[Mapping[type[Exception], Meaning]] = {
    NotSignedInError: Meaning(401, "Sign in first", "not_signed_in"),
    ForgedError: Meaning(403, "Nothing was changed", "forged"),
    NotAllowedError: Meaning(403, "Not for your role", "not_allowed"),
    WrongHostError: Meaning(421, "Another address", "wrong_host"),
    ProviderError: Meaning(502, "Signing in did not work", "provider"),
    NotFoundError: Meaning(404, "Not found", "not_found"),
    BadRequestError: Meaning(400, "This cannot be read", "bad_request"),
    TooLargeError: Meaning(413, "Too large", "too_large"),
    TooManyError: Meaning(429, "Too many attempts", "too_many"),
    QueryError: Meaning(400, "This query cannot be read", "query"),
    StoreDamagedError: Meaning(500, "This did not work", "damaged"),
    UnavailableError: Meaning(503, "The store does not answer", "unavailable"),
    ScorelensError: Meaning(500, "This did not work", "failed"),
    Exception: Meaning(500, "Error", "unknown"),
}
"""The first kind that an error is of says what it means."""
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

_HTTP: Final[Mapping[int, tuple[Meaning, str]]] = {
    400: (Meaning(400, "This cannot be read", "bad_request"), "the request cannot be read"),
    404: (Meaning(404, "Not found", "not_found"), "there is no such page"),
    405: (Meaning(405, "Not possible", "not_possible"), "this address cannot be used in that way"),
}


def meaning_of(error: Exception) -> Meaning:
    """Return what an error means."""
    return next(meaning for kind, meaning in MEANINGS.items() if isinstance(error, kind))


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
    meaning = meaning_of(error)
    if not isinstance(error, FOR_EVERYBODY):
        _log.warning(meaning.title, extra={"path": request.url.path, "cause": str(error)})
    if is_of_api(request):
        return JSONResponse(object_of(request, error), meaning.status, headers_of(error))
    return shown(request, meaning, text_of(request, error), headers_of(error))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what no page answers."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    meaning, text = _HTTP.get(status, (Meaning(status, "Error", "failed"), "this cannot be answered"))
    return shown(request, meaning, text, getattr(error, "headers", None))


async def on_unknown_error(request: Request, error: Exception) -> Response:
    """Log what nobody expected, and say nothing of it."""
    _log.error("unknown exception", exc_info=error, extra={"path": request.url.path})
    return shown(request, MEANINGS[Exception], UNKNOWN)


def shown(request: Request, meaning: Meaning, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page about an error: a part of one for a page that asks for parts, an object for programs."""
    if is_of_api(request):
        return JSONResponse({"error": {"code": meaning.code, "message": text}}, meaning.status, headers)
    template = "error_part.html" if request.headers.get("hx-request") else "error.html"
    answer = page(request, template, status=meaning.status, title=meaning.title, text=text)
    answer.headers.update(headers or {})
    return answer


def object_of(request: Request, error: Exception) -> dict[str, Any]:
    """Return what a program is told of an error: which parameter is wrong, and where a query is, if that is known."""
    told: dict[str, Any] = {"code": meaning_of(error).code, "message": text_of(request, error)}
    if isinstance(error, QueryError):
        told["message"] = error.reason
        told |= {} if error.position is None else {"position": error.position}
    if isinstance(error, BadRequestError) and error.field:
        told["field"] = error.field
    return {"error": told}


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
