"""Signing in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from scorelens_console.access.identity import Identity
from scorelens_console.access.links import use_link
from scorelens_console.web.context import console_of, session_of
from scorelens_console.web.gate import COOKIE
from scorelens_console.web.rendering import page


def sign_in(request: Request) -> Response:
    """Sign in by a link's code, or show how to."""
    code = request.query_params.get("code", "")
    target = local(request.query_params.get("next", ""))
    if not code:
        return RedirectResponse(target, 303) if session_of(request) else page(request, "signin.html", failed=False)
    identity = use_link(console_of(request).state, code)
    if identity is None:
        return page(request, "signin.html", status=403, failed=True)
    return signed_in(request, identity, target)


def signed_in(request: Request, identity: Identity, target: str) -> Response:
    """Begin a session and go on."""
    console = console_of(request)
    secret = console.sessions.begin(identity)
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=int(console.sessions.age),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def sign_out(request: Request) -> Response:
    """End the session."""
    console_of(request).sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(COOKIE)
    return answer


def local(target: str) -> str:
    """Return where to go on, which is a page of the console and nowhere else."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/documents"
    return target if target.isprintable() else "/documents"
