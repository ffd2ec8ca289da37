"""What the models live with in production."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.access.identity import Role
from scorelens_console.account import read_account
from scorelens_console.core.listing import PERIODS, bar_width, read_listing
from scorelens_console.core.production import read_production
from scorelens_console.pages.documents import first_of
from scorelens_console.web.context import archive_of, console_of, identity_of
from scorelens_console.web.rendering import page


def production(request: Request) -> HTMLResponse:
    """Show volume, kinds, lengths, latencies and failures of the documents of a listing."""
    identity_of(request).require(Role.SCIENTIST)
    now = datetime.now(UTC)
    listing, archive = read_listing(request.query_params), archive_of(request).outline
    selection = listing.selection(now)
    width = bar_width(first_of(archive, selection, now), selection.until or now)
    return page(
        request,
        "production.html",
        listing=listing,
        found=read_production(archive, selection, width),
        account=read_account(console_of(request).settings.indexer),
        periods={name: title for name, (title, _) in PERIODS.items()},
    )
