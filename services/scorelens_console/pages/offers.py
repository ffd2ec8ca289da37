"""Offers for customers."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.core.listing import PERIODS, read_listing
from scorelens_console.core.offers import SHOWN, read_chart, read_customers
from scorelens_console.web.context import archive_of, tagbook_of
from scorelens_console.web.rendering import page


def offers(request: Request) -> HTMLResponse:
    """Show the customers whose activity was scored last, or one of them, with the offers that fit."""
    listing, archive = read_listing(request.query_params), archive_of(request)
    selection = listing.selection(datetime.now(UTC))
    customer = request.query_params.get("customer", "").strip()
    customers, total = read_customers(archive, selection, customer)
    return page(
        request,
        "offers.html",
        listing=listing,
        customer=customer,
        customers=customers,
        total=total,
        shown=SHOWN,
        chart=None if customer else read_chart(archive.outline, tagbook_of(request), selection),
        periods={name: title for name, (title, _) in PERIODS.items()},
    )
