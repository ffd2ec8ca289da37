"""Reach and perception of brands."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.core.listing import PERIODS, read_listing
from scorelens_console.core.reach import brand_charts, charts, over_time, read_brands
from scorelens_console.errors import NotFoundError
from scorelens_console.web.context import archive_of, tagbook_of
from scorelens_console.web.rendering import page


def reach(request: Request) -> HTMLResponse:
    """Compare the brands in the documents of a listing, and show one of them closer."""
    now = datetime.now(UTC)
    listing, archive = read_listing(request.query_params), archive_of(request).outline
    selection = listing.selection(now)
    width = over_time(archive, selection)
    brands = read_brands(archive, tagbook_of(request), selection, width)
    name = request.query_params.get("brand", "")
    chosen = next((brand for brand in brands if brand.tag.id == name), None)
    if name and chosen is None:
        raise NotFoundError(f"no document here is about a brand {name!r}")
    return page(
        request,
        "reach.html",
        listing=listing,
        brands=brands,
        chosen=chosen,
        charts=list(brand_charts(archive, chosen, selection, width)) if chosen else list(charts(brands)),
        periods={name: title for name, (title, _) in PERIODS.items()},
    )
