"""Views of one's own: kept, changed, shared by their address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from scorelens_console.access.identity import Role
from scorelens_console.core.exports import exports_of
from scorelens_console.core.listing import PAGE, bar_width, read_place, write_place
from scorelens_console.core.views import View, cells, charts, read_view
from scorelens_console.pages.documents import first_of
from scorelens_console.saved_views import SavedViews
from scorelens_console.web.context import archive_of, console_of, identity_of
from scorelens_console.web.rendering import page


def views(request: Request) -> HTMLResponse:
    """List one's own views and those that others share."""
    kept = _kept(request)
    return page(request, "views.html", own=kept.own(), shared=kept.shared())


def view(request: Request) -> HTMLResponse:
    """Show a view; a request for a later page gets only its rows."""
    kept = _kept(request)
    saved = kept.get(request.path_params["view_id"])
    now, archive = datetime.now(UTC), archive_of(request)
    listing = saved.view.listing
    selection = listing.selection(now)
    after = read_place(request.query_params.get("after", ""))
    found = archive.search(selection, limit=PAGE, sort=listing.sort, after=after)
    rows = [(hit.record["record"]["id"], cells(saved.view, hit.record)) for hit in found.hits]
    values: dict[str, Any] = {
        "saved": saved,
        "rows": rows,
        "next": write_place(found.hits[-1].sort) if len(found.hits) == PAGE else "",
    }
    if after:
        return page(request, "view_rows.html", **values)
    width = bar_width(first_of(archive.outline, selection, now), selection.until or now)
    drawn = list(charts(archive.outline, saved.view, selection, width)) if found.total else []
    values |= {"listing": listing, "exports": exports_of(archive.identity)}
    return page(request, "view.html", total=found.total, charts=drawn, own=kept.is_own(saved), **values)


async def add(request: Request) -> Response:
    """Keep a new view."""
    form = await request.form()
    name = _kept(request).add(_view(form), "shared" in form)
    return RedirectResponse(f"/views/{name}", 303)


async def change(request: Request) -> Response:
    """Change a view, or delete it."""
    form, kept, name = await request.form(), _kept(request), request.path_params["view_id"]
    if "delete" in form:
        kept.remove(name)
        return RedirectResponse("/views", 303)
    kept.change(name, _view(form), "shared" in form)
    return RedirectResponse(f"/views/{name}", 303)


def _view(form: FormData) -> View:
    title, address, columns, charts = (str(form.get(name, "")) for name in ("title", "address", "columns", "charts"))
    return read_view(title, address.removeprefix("?"), columns, charts)


def _kept(request: Request) -> SavedViews:
    identity = identity_of(request)
    identity.require(Role.SCIENTIST)
    return SavedViews(console_of(request).state, identity)


ROUTES = [
    Route("/views", views),
    Route("/views", add, methods=["POST"]),
    Route("/views/{view_id}", view),
    Route("/views/{view_id}", change, methods=["POST"]),
]
