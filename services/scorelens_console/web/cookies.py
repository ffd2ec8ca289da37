"""The console's cookies: never for scripts, never for other hosts."""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION: Final = "scorelens-session"
DEVICE: Final = "scorelens-device"
FLOW: Final = "scorelens-flow"


def cookie_name(request: HTTPConnection, kind: str) -> str:
    """Return what a cookie is called here.

    Over https browsers take a name that begins with __Host- from this host alone. Without it hosts share their cookies
    among all ports, so that the name tells the port, and several consoles on one machine leave each other alone.
    """
    if request.app.state.console.settings.is_secure:
        return f"__Host-{kind}"
    return f"{kind}-{request.scope['server'][1]}"


def read_cookie(request: HTTPConnection, kind: str) -> str:
    """Return what a cookie holds, "" without one."""
    return request.cookies.get(cookie_name(request, kind), "")


def set_cookie(
    request: HTTPConnection,
    answer: Response,
    kind: str,
    value: str,
    seconds: float,
    same_site: Literal["lax", "strict"] = "lax",
) -> None:
    """Have a browser keep a cookie for so many seconds."""
    answer.set_cookie(
        cookie_name(request, kind),
        value,
        max_age=int(seconds),
        httponly=True,
        samesite=same_site,
        secure=request.app.state.console.settings.is_secure,
    )


def drop_cookie(request: HTTPConnection, answer: Response, kind: str) -> None:
    """Have a browser forget a cookie."""
    secure = request.app.state.console.settings.is_secure
    answer.delete_cookie(cookie_name(request, kind), httponly=True, samesite="lax", secure=secure)
