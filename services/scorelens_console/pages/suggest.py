"""Suggestions while a query is being written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.access.policy import is_open_to_viewers
from scorelens_console.core.counting import buckets
from scorelens_console.core.suggest import suggestions
from scorelens_console.web.context import archive_of, identity_of, tagbook_of
from scorelens_console.web.rendering import page
from scorelens_store.contract import Selection, Terms
from scorelens_store.fields import Field
from scorelens_store.query.tree import Everything

MOST_VALUES: Final = 500
LONGEST: Final = 2_000


def suggest(request: Request) -> HTMLResponse:
    """Return how a query may go on."""
    archive, identity = archive_of(request).outline, identity_of(request)
    query = request.query_params.get("q", "")

    def values(field: Field) -> Iterable[tuple[str, int]]:
        found = archive.aggregate(Selection(Everything()), {"values": Terms(field.name, MOST_VALUES)})["values"]
        return [(str(one.key), one.count) for one in buckets(found)]

    def is_open(field: str) -> bool:
        return identity.is_scientist or is_open_to_viewers(field)

    found = suggestions(query, tagbook_of(request), values, is_open) if len(query) <= LONGEST else []
    return page(request, "suggest.html", suggestions=found)
