"""One document, and for data scientists everything that was calculated for it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from scorelens_console.core.scores import scores_of
from scorelens_console.errors import NotFoundError
from scorelens_console.web.context import archive_of, note
from scorelens_console.web.rendering import page
from scorelens_store.contract import Selection, Sort
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Equals


def document(request: Request) -> HTMLResponse:
    """Show the document of a record."""
    record_id = request.path_params["record_id"]
    record = archive_of(request).get(record_id)
    if record is None or "document" not in record:
        raise NotFoundError(f"there is no document with the record {record_id}, or it is not for you")
    note(request, "document", record_id=record_id, document_id=record["document"].get("id", ""))
    return page(request, "document.html", record=record, scores=scores_of(record))


def by_name(request: Request) -> Response:
    """Lead from a document's id to its latest record."""
    name = request.query_params.get("id", "")
    hits = archive_of(request).search(Selection(Equals(FIELDS["document.id"], name)), limit=1, sort=Sort("@timestamp"))
    if not hits.hits:
        raise NotFoundError(f"no document {name!r} is stored, or it is not for you; a score takes a moment to arrive")
    return RedirectResponse(f"/documents/{hits.hits[0].record['record']['id']}", 303)
