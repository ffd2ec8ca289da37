"""One document, and for data scientists everything that was calculated for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from scorelens_console.access.archive import Archive
from scorelens_console.access.identity import Role
from scorelens_console.core.activity import activity_of
from scorelens_console.core.address import DocumentAddress
from scorelens_console.core.listing import Listing, read_listing
from scorelens_console.core.long_text import part_of
from scorelens_console.core.marked_text import marked_text
from scorelens_console.core.scores import scores_of
from scorelens_console.core.snippets import document_snippets
from scorelens_console.core.why import choose, why
from scorelens_console.core.words import Span
from scorelens_console.errors import NotFoundError
from scorelens_console.pages.explaining import explained
from scorelens_console.web import kibana
from scorelens_console.web.context import archive_of, note
from scorelens_console.web.rendering import page
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Record, Selection, Sort
from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS
from scorelens_store.highlight import spans_in
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Equals, Everything, Node


def document(request: Request) -> Response:
    """Show the document of a record, or lead from a document's id to its latest record."""
    name = request.path_params["name"]
    record = archive_of(request).get(name)
    if record is None:
        return _latest(request, name)
    if "document" not in record:
        return RedirectResponse(f"/records/{record['record']['id']}/trace", 303)
    return _shown(request, record)


def by_name(request: Request) -> Response:
    """Lead from a document's id to its latest record."""
    return _latest(request, request.query_params.get("id", ""))


def by_record(request: Request) -> Response:
    """Lead from the id of a record to the page about it."""
    return RedirectResponse(address_of(request, request.path_params["record_id"]).page(), 303)


def record_of(request: Request, least: Role = Role.VIEWER, *, of_call: bool = False) -> Record:
    """Return the record that a panel is about; only if `of_call`, one without a document.

    Raises NotFoundError, NotAllowedError.
    """
    record_id, archive = request.path_params["record_id"], archive_of(request)
    record = archive.get(record_id)
    if record is None or ("document" not in record and not of_call):
        raise NotFoundError(f"there is no record {record_id} with a document, or it is not for you")
    if not may_see(archive, record, least):
        archive.identity.require(least)
        raise NotFoundError(f"there is nothing more of the record {record_id} that you may see")
    return record


def may_see(archive: Archive, record: Record, least: Role = Role.SCIENTIST) -> bool:
    """Tell whether whoever asks has a role for the model of a record."""
    return archive.identity.role(str((record.get("model") or {}).get("id", ""))) >= least


def address_of(request: Request, record_id: str) -> DocumentAddress:
    """Return the address of a document's page as it is asked for."""
    parameters = request.query_params
    number = parameters.get("part", "")
    return DocumentAddress(
        record_id,
        read_listing(parameters),
        why=parameters.get("why", ""),
        part=int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1,
        all_terms=parameters.get("terms") == "all",
    )


def query_of(listing: Listing) -> Node:
    """Return the query of a listing; one that cannot be read has no words to mark."""
    try:
        return parse(listing.query, datetime.now(UTC))
    except QueryError:
        return Everything()


def _latest(request: Request, name: str) -> Response:
    newest = Selection(Equals(FIELDS["document.id"], name.encode("utf-8", "replace").decode()))
    hits = archive_of(request).outline.search(newest, limit=1, sort=Sort("@timestamp")).hits
    if not name or not hits:
        raise NotFoundError(f"no document {name!r} is stored, or it is not for you; a score takes a moment to arrive")
    return RedirectResponse(address_of(request, hits[0].record["record"]["id"]).page(), 303)


def _shown(request: Request, record: Record) -> HTMLResponse:
    record_id = record["record"]["id"]
    address = address_of(request, record_id)
    content = record["document"]
    note(request, "document", document_id=content.get("id", ""))
    part = part_of(str(content.get("text") or ""), address.part)
    title = str(content.get("title") or "")
    found = _found(query_of(address.listing), title, part.text)
    is_scientist = may_see(archive_of(request), record)
    values: dict[str, Any] = {"failure": ""}
    scores = scores_of(record)
    if is_scientist:
        if address.all_terms:
            try:
                scores = scores_of(explained(request, record))
            except ScorelensError as error:
                values["failure"] = str(error)
        chosen = choose(scores, address.why)
        values["why"] = why(chosen, title, part.text, found) if chosen else None
        values["snippets"] = document_snippets(str(content.get("id") or ""), record_id)
        values["kibana"] = kibana.of_record(request, record)
    return page(
        request,
        "document.html",
        path="/documents",
        record=record,
        address=address,
        part=part,
        title=marked_text(title, (), (), found["document.title"]),
        text=marked_text(part.text, (), (), found["document.text"]),
        scores=scores,
        activity=activity_of(record),
        source=link_of(content.get("source_uri")),
        scientist=is_scientist,
        **values,
    )


def link_of(address: object) -> str:
    """Return an address that may be a link: http or https and nothing else, since documents are written by anybody."""
    try:
        parts = urlsplit(str(address or ""))
    except ValueError:
        return ""
    return str(address) if parts.scheme in ("http", "https") and parts.netloc else ""


def _found(query: Node, title: str, text: str) -> dict[str, list[Span]]:
    texts = {"document.title": title, "document.text": text}
    return {name: list(spans_in(query, name, own)) for name, own in texts.items()}
