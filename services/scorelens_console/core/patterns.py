"""What a tag's scores look like over many documents: what is counted for it, and the charts of the counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from scorelens_console.core.charts import Chart, bars_by_name, bars_over_time, distribution
from scorelens_console.core.counting import both, buckets, quoted
from scorelens_console.core.tagbook import Tag
from scorelens_store.contract import (
    Aggregation,
    AggregationResult,
    Bucket,
    Histogram,
    Reader,
    Selection,
    Statistics,
    Terms,
)
from scorelens_store.fields import FIELDS, Field, Type
from scorelens_store.query.tree import Equals, Exists

BIN: Final = 0.02
MARGIN_BIN: Final = 0.5
REASONS: Final = 25
MOST_REASONS: Final = 2_000
VERSIONS: Final = 4


@dataclass(frozen=True)
class Patterns:
    """What is shown of a tag."""

    tag: Tag
    scored: int
    selected: int
    threshold: tuple[float, float] | None
    charts: Sequence[Chart]
    reasons: Sequence[tuple[str, int, str]]
    links: Mapping[str, str]

    @property
    def share(self) -> float | None:
        """Return the part of the scored documents that has the tag."""
        return self.selected / self.scored if self.scored else None


def read_patterns(reader: Reader, tag: Tag, selection: Selection, width: Aggregation) -> Patterns:
    """Count a tag's scores in a selection; `width` is a histogram over time."""
    score, threshold = Field(f"score.{tag.id}", Type.FLOAT), f"threshold.{tag.id}"
    scored = both(selection, Exists(score))
    chosen = both(selection, Equals(FIELDS["tags"], tag.id))
    everywhere = reader.aggregate(
        scored,
        {
            "scores": Histogram(score.name, BIN),
            "margins": Histogram(f"margin.{tag.id}", MARGIN_BIN),
            "threshold": Statistics(threshold),
            "kinds": Terms("document.kind", 20),
            "versions": Terms("model.version", 20),
        },
    )
    given = reader.aggregate(
        chosen,
        {
            "time": width,
            "kinds": Terms("document.kind", 20),
            "sources": Terms("document.source", 15),
            "reasons": Terms("because", MOST_REASONS),
        },
    )
    versions = [str(one.key) for one in buckets(everywhere["versions"])][:VERSIONS]
    by_version = [(version, reader.aggregate(_of(scored, version), _compared(tag))) for version in versions]
    bounds = _bounds(everywhere["threshold"])
    return Patterns(
        tag,
        sum(bucket.count for bucket in buckets(everywhere["scores"])),
        sum(bucket.count for bucket in buckets(given["time"])),
        bounds,
        list(_charts(tag, everywhere, given, by_version, bounds)),
        list(_reasons(tag.id, buckets(given["reasons"]))),
        _links(tag.id, bounds),
    )


def _compared(tag: Tag) -> Mapping[str, Aggregation]:
    return {"scores": Histogram(f"score.{tag.id}", 0.05), "threshold": Statistics(f"threshold.{tag.id}")}


def _charts(
    tag: Tag,
    everywhere: Mapping[str, AggregationResult],
    given: Mapping[str, AggregationResult],
    by_version: Sequence[tuple[str, Mapping[str, AggregationResult]]],
    bounds: tuple[float, float] | None,
) -> Iterable[Chart]:
    rules = [("threshold", bound) for bound in dict.fromkeys(bounds or ())]
    yield distribution(
        "Scores",
        "how often each probability was given; what lies right of the threshold has the tag",
        [(float(one.key), "", one.count) for one in buckets(everywhere["scores"])],
        BIN,
        rules=rules,
        name="probability",
        domain=(0, 1),
    )
    yield distribution(
        "Margins",
        "the same before the link function, where the ends are not pressed together",
        [(float(one.key), "", one.count) for one in buckets(everywhere["margins"])],
        MARGIN_BIN,
        name="margin",
    )
    yield bars_over_time(
        "Over time", "documents that were given the tag", [(str(one.key), one.count) for one in buckets(given["time"])]
    )
    yield bars_by_name(
        "By kind", "of the documents of a kind, the part that has the tag", _parts(everywhere, given), "kind", "share"
    )
    yield bars_by_name(
        "By source",
        "documents with the tag",
        [(str(one.key), one.count) for one in buckets(given["sources"])],
        "source",
    )
    if len(by_version) > 1:
        order = [version for version, _ in by_version]
        yield distribution(
            "Versions side by side",
            "the part of each version's documents in each bin; thresholds are marked",
            [row for version, found in by_version for row in _shares(version, buckets(found["scores"]))],
            0.05,
            series="version",
            rules=[(version, bound[1]) for version, found in by_version if (bound := _bounds(found["threshold"]))],
            name="probability",
            order=order,
            domain=(0, 1),
        )


def _shares(version: str, found: Sequence[Bucket]) -> Iterable[tuple[float, str, Any]]:
    whole = sum(one.count for one in found) or 1
    return ((float(one.key), version, one.count / whole) for one in found)


def _parts(
    everywhere: Mapping[str, AggregationResult], given: Mapping[str, AggregationResult]
) -> list[tuple[str, float]]:
    tagged = {str(one.key): one.count for one in buckets(given["kinds"])}
    return [(str(one.key), tagged.get(str(one.key), 0) / one.count) for one in buckets(everywhere["kinds"])]


def _reasons(tag: str, found: Iterable[Bucket]) -> Iterable[tuple[str, int, str]]:
    own = [one for one in found if str(one.key).startswith(f"{tag}:")]
    for one in own[:REASONS]:
        feature = str(one.key).partition(":")[2]
        yield feature, one.count, _documents(f"because:{quoted(str(one.key))}")


def _links(tag: str, bounds: tuple[float, float] | None) -> Mapping[str, str]:
    links = {"documents with the tag": _documents(f"tag:{tag}")}
    if bounds:
        low, high = max(0.0, bounds[0] - 0.1), min(1.0, bounds[1] + 0.1)
        links["documents near the threshold"] = _documents(f"score.{tag}:[{low:.3g} TO {high:.3g}]")
        links["just missed"] = _documents(f"score.{tag}:[{low:.3g} TO {bounds[0]:.3g}}} AND NOT tag:{tag}")
    return links


def _documents(query: str) -> str:
    return f"/documents?{urlencode({'q': query})}"


def _bounds(found: AggregationResult) -> tuple[float, float] | None:
    if isinstance(found, Mapping) and found.get("count"):
        return float(found["min"]), float(found["max"])
    return None


def _of(selection: Selection, version: str) -> Selection:
    return both(selection, Equals(FIELDS["model.version"], version))
