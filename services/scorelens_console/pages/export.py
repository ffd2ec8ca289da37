"""A listing as a file, made as it is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from scorelens_console.core.exports import KINDS, order_of, read_export
from scorelens_console.core.listing import read_listing
from scorelens_console.web.context import archive_of, console_of, identity_of, note, tagbook_of
from scorelens_console.web.streaming import Streamed, together
from scorelens_reading.stored import Stored

_ALL: Final = 2**53


def export(request: Request) -> Response:
    """Return all documents of a listing as a file, as of one moment and in its order."""
    now, parameters, me = datetime.now(UTC), request.query_params, identity_of(request)
    listing, archive = read_listing(parameters), archive_of(request)
    selection, tags = listing.selection(now), tagbook_of(request).tags
    asked = read_export(parameters.get("form", "csv"), parameters.get("table", "documents"), tags, me)
    order = listing.sort if listing.sort.field else order_of(listing.sort, archive.count(selection))
    note(request, "export", form=asked.kind, table=asked.table)

    def parts(_: Callable[[], bool]) -> Iterator[bytes]:
        pages = archive.pages(selection, limit=_ALL, sort=order)
        return together(asked.parts(Stored(hit.record) for page in pages for hit in page.hits))

    headers = {"Content-Disposition": f'attachment; filename="{asked.name(now)}"'}
    kind = KINDS[asked.kind].media_type
    return Streamed(parts, console_of(request).streams, f"{me.method}:{me.name}", kind, headers)
