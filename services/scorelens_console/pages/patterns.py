"""Patterns over volumes: what a tag's scores look like, and what drives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.access.identity import Role
from scorelens_console.core.listing import PERIODS, bar_width, read_listing
from scorelens_console.core.patterns import read_patterns
from scorelens_console.core.snippets import question_of, snippets_of
from scorelens_console.core.tagbook import Tagbook
from scorelens_console.errors import NotFoundError
from scorelens_console.pages.documents import first_of
from scorelens_console.web import kibana
from scorelens_console.web.context import archive_of, identity_of, tagbook_of
from scorelens_console.web.rendering import page


def patterns(request: Request) -> HTMLResponse:
    """Show one tag in the documents of a listing."""
    identity_of(request).require(Role.SCIENTIST)
    now = datetime.now(UTC)
    listing, archive = read_listing(request.query_params), archive_of(request).outline
    tagbook = _of_scientist(request, tagbook_of(request))
    name = request.query_params.get("of", "")
    tag = tagbook.tags.get(name) if name else next(iter(tagbook.tags.values()), None)
    if name and tag is None:
        raise NotFoundError(f"no tag {name!r} was given to a document that you may see")
    selection = listing.selection(now)
    found = None
    if tag:
        width = bar_width(first_of(archive, selection, now), selection.until or now)
        found = read_patterns(archive, tag, selection, width)
    return page(
        request,
        "patterns.html",
        listing=listing,
        tagbook=tagbook,
        found=found,
        kibana=kibana.of_selection(request, replace(listing, filters={"tag": (tag.id,)}).selection(now)) if tag else "",
        snippets=snippets_of(question_of(replace(listing, filters={"tag": (tag.id,)}))) if tag else (),
        periods={name: title for name, (title, _) in PERIODS.items()},
    )


def _of_scientist(request: Request, tagbook: Tagbook) -> Tagbook:
    """Leave the tags of models whose scores one may see."""
    identity = identity_of(request)
    tags = {name: tag for name, tag in tagbook.tags.items() if identity.role(tag.model) >= Role.SCIENTIST}
    return Tagbook(tags, tagbook.models)
