"""The listing of documents: searched, filtered, live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.access.archive import Archive
from scorelens_console.core.counting import buckets
from scorelens_console.core.exports import exports_of
from scorelens_console.core.listing import (
    BARS,
    BARS_NAME,
    DAYS,
    ORDERS,
    PAGE,
    PERIODS,
    Listing,
    bar_width,
    count_questions,
    moment,
    read_listing,
    read_place,
    wider,
    write_place,
)
from scorelens_console.core.scores import Score, scores_of
from scorelens_console.core.snippets import question_of, snippets_of
from scorelens_console.web import kibana
from scorelens_console.web.context import archive_of, remembered, tagbook_of
from scorelens_console.web.rendering import page
from scorelens_reading.hints import why_nothing
from scorelens_store.contract import Bucket, Hit, Selection, Sort

MOST_NEW = 50
_EARLIEST = datetime.min.replace(tzinfo=UTC)
COUNTED_SECONDS = 5.0
"""How old counts beside a listing may be; the documents themselves are as of now."""


@dataclass(frozen=True)
class Row:
    """One document of a listing."""

    hit: Hit
    scores: list[Score]

    @property
    def id(self) -> str:
        """Return the id of its record."""
        return str(self.hit.record["record"]["id"])

    @property
    def chosen(self) -> list[Score]:
        """Return the tags that it was given."""
        return [score for score in self.scores if score.selected]


def documents(request: Request) -> HTMLResponse:
    """Show a listing; a request for a later page gets only its rows."""
    now = datetime.now(UTC)
    listing, archive = read_listing(request.query_params), archive_of(request)
    after = read_place(request.query_params.get("after", ""))
    found = archive.search(listing.selection(now), limit=PAGE, sort=listing.sort, after=after, highlight=True)
    values: dict[str, Any] = {
        "listing": listing,
        "rows": rows_of(found.hits),
        "total": found.total,
        "next": write_place(found.hits[-1].sort) if len(found.hits) == PAGE else "",
        "newest": Newest.of(found.hits, Newest(now if not found.hits else _EARLIEST)),
        "hints": [] if found.total or after else _hints(archive.outline, listing.selection(now)),
        "snippets": snippets_of(question_of(listing)),
        "kibana": kibana.of_selection(request, listing.selection(now)),
    }
    if after:
        return page(request, "documents_rows.html", **values)
    return page(
        request,
        "documents.html",
        tagbook=tagbook_of(request),
        **_counted(request, archive.outline, listing, now),
        periods={name: title for name, (title, _) in PERIODS.items()},
        orders=ORDERS,
        exports=exports_of(archive.identity),
        **values,
    )


def _hints(archive: Archive, selection: Selection) -> list[str]:
    """Return why nothing is found; that looks beyond what viewers see, so that they are told nothing."""
    return list(why_nothing(archive, selection)) if archive.identity.is_scientist else []


def _counted(request: Request, archive: Archive, listing: Listing, now: datetime) -> dict[str, Any]:
    """Return facets and bars, as they were a few seconds ago at most."""

    def count() -> dict[str, Any]:
        found = facets_of(archive, listing, now)
        return {"facets": found, "bars": bars_of(archive, listing.selection(now), now, found.pop(BARS_NAME))}

    return remembered(request, ("counted", *listing.parameters()), COUNTED_SECONDS, count)


def new_documents(request: Request) -> HTMLResponse:
    """Return the rows that came since the newest ones that are shown."""
    now = datetime.now(UTC)
    listing, archive = read_listing(request.query_params), archive_of(request)
    last = Newest.read(request.query_params, now)
    selection = replace(listing.selection(now), since=last.time)
    waiting = archive.count(selection) - len(last.ids)
    found = archive.search(selection, limit=MOST_NEW + len(last.ids), sort=Sort("@timestamp"), highlight=True).hits
    fresh = [hit for hit in found if str(hit.record["record"]["id"]) not in last.ids][:MOST_NEW]
    return page(
        request,
        "documents_new.html",
        listing=listing,
        rows=rows_of(fresh),
        skipped=max(0, waiting - len(fresh)),
        newest=Newest.of(fresh, last),
        total=archive.count(listing.selection(now)) if fresh else None,
    )


@dataclass(frozen=True)
class Newest:
    """The time of the newest documents that are shown, and their ids, as more may come with the same time."""

    time: datetime
    ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, hits: Sequence[Hit], otherwise: Newest) -> Newest:
        """Return the newest of some hits."""
        times = [datetime.fromisoformat(hit.record["@timestamp"]) for hit in hits]
        newest = max(times, default=None)
        if newest is None or newest < otherwise.time:
            return otherwise
        ids = tuple(str(hit.record["record"]["id"]) for hit, time in zip(hits, times, strict=True) if time == newest)
        return cls(newest, ids[:MOST_NEW] + (otherwise.ids if newest == otherwise.time else ()))

    @classmethod
    def read(cls, parameters: QueryParams, now: datetime) -> Newest:
        """Read what an address says. Raises BadRequestError."""
        ids = tuple(filter(None, parameters.get("shown", "").split(",")))[: 4 * MOST_NEW]
        return cls(moment(parameters.get("newest", ""), "newest") or now, ids)

    def parameters(self) -> dict[str, str]:
        """Return the parameters of an address."""
        return {"newest": self.time.isoformat(), "shown": ",".join(self.ids)}


def rows_of(hits: Any) -> list[Row]:
    """Return hits as rows."""
    return [Row(hit, scores_of(hit.record)) for hit in hits]


def facets_of(archive: Archive, listing: Listing, now: datetime) -> dict[str, list[Bucket]]:
    """Count the values of each facet, and the bars over time."""
    found: dict[str, list[Bucket]] = {}
    for selection, questions in count_questions(listing, now):
        answers = archive.aggregate(selection, questions)
        found |= {name: buckets(answer) for name, answer in answers.items()}
    return found


def bars_of(
    archive: Archive, selection: Selection, now: datetime, counted: list[Bucket]
) -> list[tuple[str, int, float]]:
    """Return the histogram over time: start, count and height of each bar.

    What was counted are the bars where a time is chosen, and days where none is: of many days, wider bars are made;
    of few, finer ones are counted from the first document on.
    """
    if not selection.since and counted:
        width = bar_width(counted[0].key, selection.until or now)
        if width.seconds < DAYS.seconds:
            width = bar_width(first_of(archive, selection, now), selection.until or now)
            counted = buckets(archive.aggregate(selection, {BARS_NAME: width})[BARS_NAME])
        else:
            counted = wider(counted, width.seconds)
    most = max((bucket.count for bucket in counted), default=1)
    return [(str(bucket.key), bucket.count, bucket.count / most) for bucket in islice(counted, 4 * BARS)]


def first_of(archive: Archive, selection: Selection, now: datetime) -> datetime:
    """Return the time of the oldest match."""
    hits = archive.search(selection, limit=1, sort=Sort("@timestamp", descending=False)).hits
    return datetime.fromisoformat(hits[0].record["@timestamp"]) if hits else now
