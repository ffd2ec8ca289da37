"""What a document's page loads when somebody looks at it: other scores, its trace, raw data, documents like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from scorelens_console.access.archive import Archive
from scorelens_console.access.identity import Role
from scorelens_console.core import alike, reasons
from scorelens_console.core.address import DocumentAddress
from scorelens_console.core.listing import Listing
from scorelens_console.core.long_text import passages_of
from scorelens_console.core.scores import nearest, scores_of
from scorelens_console.core.sending_again import (
    LONGEST_LINE,
    commands,
    document_json,
    file_name,
    one_line,
    pretty,
    request_json,
)
from scorelens_console.core.traces import calls_of
from scorelens_console.core.versions import compared, scored
from scorelens_console.errors import BadRequestError
from scorelens_console.pages.document import address_of, by_record, query_of, record_of
from scorelens_console.pages.documents import rows_of
from scorelens_console.web.context import archive_of, console_of, note
from scorelens_console.web.rendering import page
from scorelens_documents.errors import DocumentError
from scorelens_store.contract import Bucket, Hits, Record, Selection, Sort, Terms
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Equals, Everything

MOST_SCORES = 20
MOST_OF_TRACE = 100
LONGEST_SHOWN = 60_000
"""Characters of raw data that a page shows; a file has all of it."""


def passages(request: Request) -> HTMLResponse:
    """Show the passages of a long text that match the listing's query."""
    record = record_of(request)
    address = address_of(request, record["record"]["id"])
    found = passages_of(query_of(address.listing), str(record["document"].get("text") or ""))
    return _panel(request, "passages", record, passages=found)


def versions(request: Request) -> HTMLResponse:
    """Show every score of the document, and the versions of a model side by side."""
    record = record_of(request, Role.SCIENTIST)
    archive, name = archive_of(request), record["document"].get("id")
    found = _scores(archive, name) if name else Hits(1, ())
    own = {one["record"]["id"]: one for one in [record, *(hit.record for hit in found.hits)]}
    history = scored(own.values(), record["record"]["id"])
    return _panel(
        request,
        "versions",
        record,
        history=history,
        comparisons=compared(history),
        total=max(found.total, len(history)),
    )


def trace(request: Request) -> HTMLResponse:
    """Show what else the trace of a record holds; of a call without documents, this is its page."""
    record = record_of(request, Role.SCIENTIST, of_call=True)
    trace_id = (record.get("trace") or {}).get("id")
    found = Hits(1, ())
    if trace_id:
        everything = Selection(Equals(FIELDS["trace.id"], trace_id), purposes=(), calls=True)
        found = archive_of(request).search(everything, limit=MOST_OF_TRACE, sort=Sort("@timestamp", descending=False))
    own = {one["record"]["id"]: one for one in [record, *(hit.record for hit in found.hits)]}
    calls = calls_of(own.values())
    return _panel(request, "trace", record, calls=calls, total=max(found.total, len(own)), shown=len(own))


def raw(request: Request) -> HTMLResponse:
    """Show the document as it was sent, how to send it again, and what was recorded."""
    record = record_of(request, Role.SCIENTIST, of_call=True)
    texts = {"record": pretty(record)}
    lines: Sequence[Any] = ()
    if "document" in record:
        try:
            texts = {"document": pretty(document_json(record)), "request": pretty(request_json(record))} | texts
            lines = commands(record, console_of(request).settings.sidecar)
        except DocumentError as error:
            lines = ()
            texts |= {"document": f"cannot be written as it was sent: {error}"}
    shown = {name: (text[:LONGEST_SHOWN], len(text)) for name, text in texts.items()}
    return _panel(request, "raw", record, texts=shown, commands=lines, inline=LONGEST_LINE)


def download(request: Request) -> Response:
    """Return the raw document, request or record as a file."""
    ending = request.path_params["file"]
    record = record_of(request, Role.SCIENTIST, of_call=ending == "record.json")
    note(request, "download", file=ending)
    made = {
        "document.jsonl": lambda: one_line(document_json(record)) + "\n",
        "request.json": lambda: pretty(request_json(record)),
        "record.json": lambda: pretty(record),
    }.get(ending)
    if made is None:
        raise BadRequestError(f"file: {ending!r} is none of document.jsonl, request.json and record.json")
    return Response(
        made().encode("utf-8", "replace"),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{file_name(record, ending)}"'},
    )


def like_this(request: Request) -> HTMLResponse:
    """Show documents with the same telling words."""
    record, archive = record_of(request), archive_of(request)
    total = archive.count(Selection(Everything()))
    words = alike.telling(
        (
            alike.Telling(word, times, archive.count(Selection(alike.word_query(word))))
            for word, times in alike.candidates(record).items()
        ),
        total,
    )
    found = (
        archive.search(alike.others_with(words, record), limit=alike.FOUND, highlight=True) if words else Hits(0, ())
    )
    return _panel(
        request,
        "alike",
        record,
        words=words,
        rows=rows_of(found.hits),
        more=Listing(query=alike.lucene_of(words), order="relevance").address() if words else "",
    )


def why_not(request: Request) -> HTMLResponse:
    """Show what keeps a tag from the document."""
    record, archive = record_of(request, Role.SCIENTIST), archive_of(request)
    scores = scores_of(record)
    others = sorted((score for score in scores if not score.selected), key=lambda score: score.title.casefold())
    wanted = request.query_params.get("not", "") or next((score.tag for score in nearest(scores)), "")
    score = next((score for score in others if score.tag == wanted), None)
    if score is None:
        return _panel(request, "why_not", record, others=others, answer=None, wanted=wanted)
    selection = reasons.tagged(score.tag, str((record.get("model") or {}).get("id", "")))
    total = archive.count(selection)
    sample = reasons.sample_of(selection, total)
    examined = total if sample is selection else archive.count(sample)
    counted = archive.aggregate(sample, {"because": Terms("because", reasons.BUCKETS)})["because"]
    buckets = [one for one in counted if isinstance(one, Bucket)]
    answer = reasons.why_not(score, record, buckets, examined, total)
    return _panel(request, "why_not", record, others=others, answer=answer, wanted=wanted)


def _scores(archive: Archive, name: str) -> Hits:
    """Return the latest scores of a document, of any purpose where that may be seen."""
    named = Equals(FIELDS["document.id"], name)
    latest = Sort("@timestamp")
    every = archive.search(Selection(named, purposes=()), limit=MOST_SCORES, sort=latest)
    if len(set(archive.identity.roles.values())) < 2:
        return every
    # What is seen as a viewer of one model is left out where a scientist's question is asked.
    plain = archive.search(Selection(named), limit=MOST_SCORES, sort=latest)
    both = {hit.record["record"]["id"]: hit for hit in (*every.hits, *plain.hits)}
    return Hits(max(every.total, plain.total, len(both)), list(both.values()))


def _panel(request: Request, name: str, record: Record, **values: Any) -> HTMLResponse:
    """Return a part for the page, or a page of its own for whoever opens its address."""
    is_part = bool(request.headers.get("hx-request"))
    template = f"document_{name}.html" if is_part else "document_panel.html"
    address: DocumentAddress = address_of(request, record["record"]["id"])
    return page(request, template, path="/documents", part_name=name, record=record, address=address, **values)


ROUTES = [
    Route("/records/{record_id}", by_record),
    Route("/records/{record_id}/passages", passages),
    Route("/records/{record_id}/versions", versions),
    Route("/records/{record_id}/trace", trace),
    Route("/records/{record_id}/raw", raw),
    Route("/records/{record_id}/like-this", like_this),
    Route("/records/{record_id}/why-not", why_not),
    Route("/records/{record_id}/files/{file}", download),
]
"""What is about one record; document.py has its page."""
