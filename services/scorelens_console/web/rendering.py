"""Pages from templates; whatever they are given is escaped."""

from __future__ import annotations

import threading
from functools import cache
from hashlib import blake2s
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.core import score_marks, showing, wording
from scorelens_console.core.navigation import pages_of
from scorelens_console.web.context import session_of

ROOT: Final = Path(__file__).parents[1]
STATIC: Final = ROOT / "static"

_TURN: Final = threading.Lock()
"""Pages are made one after the other: many at a time take as long, and each of them as long as all."""


@cache
def environment() -> Environment:
    """Return the templates' environment."""
    made = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        auto_reload=False,  # a package that is replaced meanwhile has templates for other pages than those that run
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(wording.FILTERS)
    made.filters.update(showing.FILTERS)
    made.filters.update(score_marks.FILTERS)
    made.globals["asset"] = _asset
    return made


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page for whoever asks."""
    session = session_of(request)
    context = {
        "path": request.url.path,
        "me": session.identity if session else None,
        "csrf": session.csrf if session else "",
        "nav": lambda: pages_of(session.identity) if session else (),
        **values,
    }
    with _TURN:
        text = environment().get_template(template).render(context)
    return HTMLResponse(text, status)


@cache
def _asset(name: str) -> str:
    """Return the address of a file that the package ships; it changes with the file, so that browsers may keep it."""
    return f"/static/{name}?v={blake2s((STATIC / name).read_bytes(), digest_size=6).hexdigest()}"
