"""How many people documents about a brand reached, and how it is seen in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from scorelens_console.core.charts import Chart, lines_over_time, stacked_by_name
from scorelens_console.core.counting import both, buckets
from scorelens_console.core.listing import bar_width
from scorelens_console.core.tagbook import Tag, Tagbook
from scorelens_store.contract import Bucket, DateHistogram, Reader, Selection, Sort, Statistics, Terms
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Equals, Exists
from scorelens_store.values import from_microseconds

BRAND: Final = "brand"
GOOD: Final = "positive"
BAD: Final = "negative"
MOST_BRANDS: Final = 40
DRAWN: Final = 8
"""Brands that have lines and bars of their own: as many as there are colours."""
SOURCES: Final = 12
AUDIENCE: Final = "document.audience"
PUBLISHED: Final = "document.published_time"
COLOURS: Final = ("--good", "--dim", "--bad")
MOODS: Final = ("--good", "--bad")


@dataclass(frozen=True)
class Brand:
    """What is said of a brand: documents, people they reached, and how many documents speak well or ill of it."""

    tag: Tag
    documents: int
    reach: int
    good: int
    bad: int
    time: Sequence[Bucket]
    sources: Sequence[Bucket]

    @property
    def address(self) -> str:
        """Return where its documents are listed."""
        return f"/documents?{urlencode({'tag': self.tag.id})}"

    @property
    def neither(self) -> int:
        """Return how many documents speak neither well nor ill."""
        return max(0, self.documents - self.good - self.bad)


def read_brands(reader: Reader, tagbook: Tagbook, selection: Selection, width: DateHistogram) -> list[Brand]:
    """Count the documents of every brand; the widest reach comes first. `width` is a histogram over time."""
    found = (_read(reader, tag, selection, width) for tag in tagbook.of_group(BRAND)[:MOST_BRANDS])
    return sorted((brand for brand in found if brand.documents), key=lambda brand: (-brand.reach, brand.tag.title))


def over_time(reader: Reader, selection: Selection) -> DateHistogram:
    """Return a histogram over the time of publication, when people read it, or else of scoring."""
    for name in (PUBLISHED, "@timestamp"):
        known = both(selection, Exists(FIELDS[name]))
        ends = [
            from_microseconds(hit.sort[0])
            for descending in (False, True)
            for hit in reader.search(known, limit=1, sort=Sort(name, descending=descending)).hits
        ]
        if len(ends) == 2:
            return replace(bar_width(*ends), field=name)
    return DateHistogram("@timestamp", 86_400)


def charts(brands: Sequence[Brand]) -> Iterable[Chart]:
    """Yield the charts that compare brands."""
    drawn = brands[:DRAWN]
    names = [brand.tag.title for brand in drawn]
    over_time = [(str(one.key), brand.tag.title, float(one.sum or 0)) for brand in drawn for one in brand.time]
    says = "people that documents about a brand reached"
    yield lines_over_time("Reach over time", says, over_time, "brand", "people", names)
    seen = [
        (brand.tag.title, series, count / brand.documents)
        for brand in drawn
        for series, count in (("speaks well", brand.good), ("neither", brand.neither), ("speaks ill", brand.bad))
    ]
    says = "the part of a brand's documents that speak well or ill"
    order = ("speaks well", "neither", "speaks ill")
    yield stacked_by_name("Perception", says, seen, "brand", "perception", "share", order, COLOURS)
    places = [(str(one.key), brand.tag.title, float(one.sum or 0)) for brand in drawn for one in brand.sources]
    says = "where these people read of them"
    yield stacked_by_name("Reach by source", says, _largest(places), "source", "brand", "people", names)


def brand_charts(reader: Reader, brand: Brand, selection: Selection, width: DateHistogram) -> Iterable[Chart]:
    """Yield the charts of one brand."""
    own = both(selection, Equals(FIELDS["tags"], brand.tag.id))
    moods = {"speaks well": GOOD, "speaks ill": BAD}
    found = {
        name: reader.aggregate(
            both(own, Equals(FIELDS["tags"], tag)), {"time": width, "sources": Terms("document.source", SOURCES)}
        )
        for name, tag in moods.items()
    }
    times = [(str(one.key), name, float(one.count)) for name, each in found.items() for one in buckets(each["time"])]
    says = "documents that speak well or ill"
    yield lines_over_time("Perception over time", says, times, "perception", "documents", list(moods), MOODS)
    places = [
        (str(one.key), name, float(one.count)) for name, each in found.items() for one in buckets(each["sources"])
    ]
    says = "where they do"
    yield stacked_by_name(
        "Perception by source", says, _largest(places), "source", "perception", "documents", list(moods)
    )


def _read(reader: Reader, tag: Tag, selection: Selection, width: DateHistogram) -> Brand:
    found = reader.aggregate(
        both(selection, Equals(FIELDS["tags"], tag.id)),
        {
            "reach": Statistics(AUDIENCE),
            "tags": Terms("tags", 500),
            "time": replace(width, sum_of=AUDIENCE),
            "sources": Terms("document.source", SOURCES, sum_of=AUDIENCE),
        },
    )
    tags = {str(one.key): one.count for one in buckets(found["tags"])}
    reach = found["reach"]
    return Brand(
        tag,
        tags.get(tag.id, 0),
        int(reach.get("sum", 0)) if isinstance(reach, Mapping) else 0,
        tags.get(GOOD, 0),
        tags.get(BAD, 0),
        buckets(found["time"]),
        buckets(found["sources"]),
    )


def _largest(rows: Sequence[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    """Order rows by the sum of their name, and keep the largest names."""
    sums: dict[str, float] = {}
    for name, _, value in rows:
        sums[name] = sums.get(name, 0) + value
    names = sorted(sums, key=lambda name: -sums[name])[:SOURCES]
    return sorted((row for row in rows if row[0] in names), key=lambda row: names.index(row[0]))
