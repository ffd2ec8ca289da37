"""What programs can do: the methods of a store's reader, each as whoever asks may use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

import orjson
from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from scorelens_console.access.archive import Archive
from scorelens_console.access.policy import PURPOSE
from scorelens_console.api import answered
from scorelens_console.api.asked import (
    AggregateBody,
    PagesBody,
    Search,
    SearchBody,
    SelectionBody,
    SelectionText,
    WordsBody,
)
from scorelens_console.errors import BadRequestError, NotFoundError
from scorelens_console.web.context import archive_of, console_of, identity_of, tagbook_of, trail_of
from scorelens_console.web.failures import object_of
from scorelens_console.web.streaming import Streamed, together
from scorelens_reading.wire import write_hits, write_result, write_words
from scorelens_store.contract import Record, Selection

NDJSON: Final = "application/x-ndjson"
MOST_RANKED: Final = 10_000
"""Hits of one listing by relevance, whose order the store has to hold."""
_NOTED: Final = 2_000
"""Characters of a query that an audit line has."""


def whoami(request: Request) -> Response:
    """Tell who asks, and what they may see."""
    me = identity_of(request)
    roles = {model: role.name.lower() for model, role in me.roles.items()}
    purposes = [] if me.sees_everything else [PURPOSE]
    told = {"name": me.name, "method": me.method, "role": me.highest.name.lower(), "roles": roles, "purposes": purposes}
    return _answer(told)


def models(request: Request) -> Response:
    """List the models, their versions and their tags."""
    book = tagbook_of(request)
    found = [
        {
            "id": model,
            "versions": versions,
            "tags": [
                {"id": tag.id, "title": tag.title, "group": tag.group}
                for tag in book.tags.values()
                if tag.model == model
            ],
        }
        for model, versions in book.models.items()
    ]
    return _answer({"models": found})


def record(request: Request, record_id: str) -> Response:
    """Return one record."""
    found = archive_of(request).get(record_id)
    if found is None:
        raise NotFoundError(f"there is no record {record_id}, or it is not for you")
    return _answer(found)


def search(request: Request, asked: Annotated[Search, Query()]) -> Response:
    """Return a page of the records that match a query, and how many there are."""
    return _found(request, asked)


def search_by_tree(request: Request, asked: SearchBody) -> Response:
    """Return a page of the records that match a query, which may be a tree, and how many there are."""
    return _found(request, asked)


def pages(request: Request, asked: PagesBody) -> Response:
    """Return the first matches as of one moment: a line for each page, and at least one."""
    selection, order = _selected(request, asked), asked.order()
    if order.field is None and asked.limit > MOST_RANKED < archive_of(request).count(selection):
        raise BadRequestError(f"limit: by relevance there are at most {MOST_RANKED:,}; sort by a field", "limit")

    def lines(archive: Archive, _: Callable[[], bool]) -> Iterator[Any]:
        return map(write_hits, archive.pages(selection, limit=asked.limit, sort=order, highlight=asked.highlight))

    return _lines(request, lines)


def count(request: Request, asked: Annotated[SelectionText, Query()]) -> Response:
    """Count the records that match a query."""
    return _answer({"count": archive_of(request).count(_selected(request, asked))})


def count_by_tree(request: Request, asked: SelectionBody) -> Response:
    """Count the records that match a query, which may be a tree."""
    return _answer({"count": archive_of(request).count(_selected(request, asked))})


def aggregate(request: Request, asked: AggregateBody) -> Response:
    """Count, add up and spread out what matches a query."""
    found = archive_of(request).aggregate(_selected(request, asked), asked.questions())
    return _answer({"aggregations": {name: write_result(one) for name, one in found.items()}})


def words(request: Request, asked: WordsBody) -> Response:
    """Find the words that mark what matches a query against others."""
    now = datetime.now(UTC)
    found = archive_of(request).significant_words(
        asked.selection(now),
        asked.against.selection(now) if asked.against else None,
        field=asked.field,
        limit=asked.limit,
        least=asked.least,
    )
    return _answer(write_words(found))


def scan(request: Request, asked: Annotated[SelectionText, Query()]) -> Response:
    """Return every record that matches a query, the oldest first, as of one moment: a line each."""
    return _scanned(request, _selected(request, asked))


def scan_by_tree(request: Request, asked: SelectionBody) -> Response:
    """Return every record that matches a query, which may be a tree: a line each."""
    return _scanned(request, _selected(request, asked))


def _found(request: Request, asked: Search | SearchBody) -> Response:
    found = archive_of(request).search(
        _selected(request, asked),
        limit=asked.limit,
        sort=asked.order(),
        after=asked.place(),
        highlight=asked.highlight,
    )
    is_full = 0 < asked.limit == len(found.hits)
    return _answer(write_hits(found) | {"next": found.hits[-1].sort if is_full else None})


def _scanned(request: Request, selection: Selection) -> Response:
    def lines(archive: Archive, left: Callable[[], bool]) -> Iterator[Record]:
        return archive.scan(selection, cancelled=left)

    return _lines(request, lines)


def _selected(request: Request, asked: SelectionText | SelectionBody) -> Selection:
    """Return what is asked for, and have the audit line say so if documents are read."""
    if asked.query:
        text = asked.query if isinstance(asked.query, str) else json.dumps(asked.query, ensure_ascii=False)
        trail_of(request).details["query"] = text[:_NOTED]
    return asked.selection(datetime.now(UTC))


def _lines(request: Request, make: Callable[[Archive, Callable[[], bool]], Iterator[Any]]) -> Response:
    archive, me = archive_of(request), identity_of(request)

    def parts(left: Callable[[], bool]) -> Iterator[bytes]:
        return together(orjson.dumps(one) + b"\n" for one in make(archive, left))

    def last_words(error: Exception) -> bytes:
        return orjson.dumps(object_of(request, error)) + b"\n"

    return Streamed(parts, console_of(request).streams, f"{me.method}:{me.name}", NDJSON, last_words=last_words)


def _answer(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


class Endpoint(NamedTuple):
    """What answers a method at a path: its answer, None for lines, and what is said of statuses of its own."""

    method: str
    path: str
    answer: Callable[..., Response]
    model: type[BaseModel] | None
    failures: Mapping[int, str] = {}


ENDPOINTS: Final = (
    Endpoint("GET", "/whoami", whoami, answered.Me),
    Endpoint("GET", "/models", models, answered.Models),
    Endpoint(
        "GET", "/records/{record_id}", record, answered.Record, {404: "There is no such record for whoever asks."}
    ),
    Endpoint("GET", "/search", search, answered.Found),
    Endpoint("POST", "/search", search_by_tree, answered.Found),
    Endpoint("POST", "/pages", pages, None),
    Endpoint("GET", "/count", count, answered.Count),
    Endpoint("POST", "/count", count_by_tree, answered.Count),
    Endpoint("POST", "/aggregate", aggregate, answered.Aggregated),
    Endpoint("POST", "/words", words, answered.Words),
    Endpoint("GET", "/scan", scan, None),
    Endpoint("POST", "/scan", scan_by_tree, None),
)
