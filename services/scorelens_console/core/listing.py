"""A listing as its address says it: words, filters, time and order (pure)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from scorelens_console.errors import BadRequestError
from scorelens_store.contract import Aggregation, Bucket, DateHistogram, Selection, Sort, Terms
from scorelens_store.fields import FIELDS, find_field
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import All, Equals, Everything, Node
from scorelens_store.query.tree import Any as AnyOf

FACETS: Final = {
    "kind": "document.kind",
    "tag": "tags",
    "source": "document.source",
    "language": "document.language",
    "model": "model.id",
    "version": "model.version",
}
"""Filters that a click sets, by the name that addresses have, and the field of each."""

PERIODS: Final = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
    "90d": ("last 90 days", timedelta(days=90)),
}
"""Times to choose from, back from now; none is all of the time."""

ORDERS: Final = {
    "": "newest first",
    "@timestamp:asc": "oldest first",
    "relevance": "most relevant first",
    "document.audience": "widest reach first",
    "document.length": "longest first",
}
PAGE: Final = 25
MOST_VALUES: Final = 12
MOST_TAGS: Final = 60
BARS: Final = 60
"""Bars of the histogram over time, about."""
BARS_NAME: Final = "bars"
DAYS: Final = DateHistogram("@timestamp", 86_400)
_WIDTHS: Final = (1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 86_400, 604_800, 2_592_000, 31_536_000)


class Parameters(Protocol):
    """Parameters of an address."""

    def get(self, key: str, default: str, /) -> str: ...  # noqa: D102
    def getlist(self, key: Any, /) -> list[str]: ...  # noqa: D102


@dataclass(frozen=True)
class Listing:
    """What is listed: a query, filters by facet, a time, an order."""

    query: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    period: str = ""
    since: str = ""
    until: str = ""
    order: str = ""

    @property
    def is_live(self) -> bool:
        """Tell whether what is new belongs on top of it."""
        return not self.order and not self.until

    @property
    def sort(self) -> Sort:
        """Return the store's order. Raises BadRequestError."""
        if self.order == "relevance":
            return Sort()
        name, _, direction = (self.order or "@timestamp").partition(":")
        found = find_field(name)
        if found is None or direction not in ("", "asc", "desc"):
            raise BadRequestError(f"sort: {self.order!r} is no field, or neither :asc nor :desc")
        return Sort(found.name, descending=direction != "asc")

    def selection(self, now: datetime, *, without: str = "") -> Selection:
        """Return what is selected, without the filter of one facet. Raises QueryError, BadRequestError."""
        filters = (_one_of(FACETS[name], values) for name, values in self.filters.items() if name != without)
        nodes = [parse(self.query, now), *filters]
        kept = tuple(node for node in nodes if not isinstance(node, Everything))
        query: Node = Everything() if not kept else kept[0] if len(kept) == 1 else All(kept)
        since, until = moment(self.since, "since"), moment(self.until, "until")
        if self.period:
            if self.period not in PERIODS:
                raise BadRequestError(f"period: {self.period!r} is none of {', '.join(PERIODS)}")
            since = now - PERIODS[self.period][1]
        return Selection(query, since, until)

    def parameters(self, **more: str) -> list[tuple[str, str]]:
        """Return the parameters of its address."""
        found = [("q", self.query)]
        found += [(name, value) for name, values in self.filters.items() for value in values]
        found += [("period", self.period), ("since", self.since), ("until", self.until), ("sort", self.order)]
        return [(name, value) for name, value in [*found, *more.items()] if value]

    def address(self, path: str = "/documents", **more: str) -> str:
        """Return an address that shows it."""
        parameters = self.parameters(**more)
        return f"{path}?{urlencode(parameters)}" if parameters else path

    def toggled(self, facet: str, value: str) -> Listing:
        """Return the listing with a filter set, or without it where it was set."""
        own = self.filters.get(facet, ())
        values = tuple(one for one in own if one != value) if value in own else (*own, value)
        rest = {name: kept for name, kept in self.filters.items() if name != facet}
        return replace(self, filters=rest | ({facet: values} if values else {}))


def read_listing(parameters: Parameters) -> Listing:
    """Read a listing from the parameters of an address."""
    filters = {name: tuple(dict.fromkeys(filter(None, parameters.getlist(name)))) for name in FACETS}
    return Listing(
        query=parameters.get("q", "").strip(),
        filters={name: values for name, values in filters.items() if values},
        period=parameters.get("period", ""),
        since=parameters.get("since", ""),
        until=parameters.get("until", ""),
        order=parameters.get("sort", ""),
    )


def count_questions(listing: Listing, now: datetime) -> Iterable[tuple[Selection, Mapping[str, Aggregation]]]:
    """Yield what has to be counted: bars over time, and each facet under the filters of the others.

    So several values of a facet can be set. Where no time is chosen, the bars are days, in the same pass.
    """
    free = {name: _values(name) for name in FACETS if name not in listing.filters}
    selection = listing.selection(now)
    bars = bar_width(selection.since, selection.until or now) if selection.since else DAYS
    yield selection, {BARS_NAME: bars, **free}
    for name in listing.filters:
        yield listing.selection(now, without=name), {name: _values(name)}


def _values(facet: str) -> Terms:
    return Terms(FACETS[facet], MOST_TAGS if facet == "tag" else MOST_VALUES)


def bar_width(first: datetime, last: datetime) -> DateHistogram:
    """Return a histogram of about BARS bars between two times."""
    seconds = max(1.0, (last - first).total_seconds()) / BARS
    return DateHistogram("@timestamp", next((width for width in _WIDTHS if width >= seconds), _WIDTHS[-1]))


def wider(days: Sequence[Bucket], seconds: int) -> list[Bucket]:
    """Return days put together into buckets of a greater duration, aligned to 1970 like them."""
    counts: Counter[float] = Counter()
    for day in days:
        counts[day.key.timestamp() // seconds * seconds] += day.count
    return [Bucket(datetime.fromtimestamp(start, UTC), count) for start, count in counts.items()]


def write_place(place: Sequence[Any]) -> str:
    """Return a hit's place in its order as a word for an address."""
    return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=") if place else ""


def read_place(text: str) -> tuple[Any, ...]:
    """Undo `write_place`. Raises BadRequestError."""
    if not text:
        return ()
    try:
        place = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        place = None
    if not isinstance(place, list) or len(place) != 3:
        raise BadRequestError("after: this is not the end of a page; begin the listing anew")
    return tuple(place)


def _one_of(name: str, values: Sequence[str]) -> Node:
    parts = tuple(Equals(FIELDS[name], value) for value in values)
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def moment(text: str, name: str) -> datetime | None:
    """Read a time, UTC where it has no zone; None for nothing. Raises BadRequestError that names the parameter."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequestError(f"{name}: {text!r} is no time such as 2026-11-22 or 2026-11-22T10:00:00Z") from error
