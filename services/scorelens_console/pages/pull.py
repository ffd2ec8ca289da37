"""Documents pulled up by pasted ids, or by an uploaded calculation log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from scorelens_console.core.pulling import MOST, Pulled, pull, read_names
from scorelens_console.pages.documents import rows_of
from scorelens_console.web.context import archive_of, identity_of
from scorelens_console.web.rendering import page
from scorelens_documents.documents import document_of_record, write_document
from scorelens_store.contract import Hit

SHOWN = 200


def form(request: Request) -> HTMLResponse:
    """Ask for ids."""
    identity_of(request)
    return page(request, "pull.html", most=MOST, ids="", pulled=None, rows=[])


async def pulled(request: Request) -> Response:
    """Show what was found, or let it be downloaded as lines that `scorelens score` reads."""
    async with request.form() as sent:
        texts = [("ids", str(sent.get("ids", ""))), *[part async for part in _uploaded(sent)]]
        download = "download" in sent
    found = await run_in_threadpool(_pull, request, texts)
    if download:
        headers = {"Content-Disposition": 'attachment; filename="documents.jsonl"'}
        return Response("".join(_lines(found)), media_type="application/x-ndjson", headers=headers)
    rows = rows_of(Hit(record) for record in found.found[:SHOWN])
    names = "\n".join(name for _, text in texts for name in text.splitlines()[:MOST] if len(name) < 200)
    return page(request, "pull.html", most=MOST, ids=names, pulled=found, rows=rows)


def _pull(request: Request, texts: list[tuple[str, str]]) -> Pulled:
    return pull(archive_of(request), identity_of(request), read_names(texts))


async def _uploaded(sent: FormData) -> AsyncIterator[tuple[str, str]]:
    for part in sent.getlist("log"):
        if isinstance(part, UploadFile) and part.filename:
            yield part.filename, (await part.read()).decode("utf-8", "replace")


def _lines(found: Pulled) -> Iterator[str]:
    for record in found.found:
        yield json.dumps(write_document(document_of_record(record)), ensure_ascii=False) + "\n"


ROUTES = [Route("/pull", form), Route("/pull", pulled, methods=["POST"])]
