"""Counts and statistics, in every store."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from scorelens_store.contract import (
    Aggregation,
    Bucket,
    DateHistogram,
    Histogram,
    Percentiles,
    Reader,
    Selection,
    Statistics,
    Store,
    Terms,
)
from scorelens_store.errors import QueryError
from scorelens_store.fields import find_field
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.naive import matches, terms
from tests.scorelens_store.records import corpus, make

CORPUS = corpus()
EVERYTHING = Selection(Everything(), purposes=(), calls=True)
SOME = Selection(parse("kind:(tweet OR blog) AND tag:*"), purposes=(), calls=True)


def values(name: str, selection: Selection = EVERYTHING) -> list[Any]:
    """Return the values of a field in all matches."""
    field = find_field(name)
    assert field is not None
    return [
        value for record in CORPUS if matches(selection.query, record) for value in dict.fromkeys(terms(field, record))
    ]


def one(store: Reader, aggregation: Aggregation, selection: Selection = EVERYTHING) -> Any:
    """Return the result of one aggregation."""
    return store.aggregate(selection, {"it": aggregation})["it"]


@pytest.mark.parametrize("selection", [EVERYTHING, SOME], ids=["everything", "some"])
@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize(
    "field",
    ["kind", "tags", "because", "author", "id", "attributes.campaign", "labels.sure", "resource.k8s.pod.name", "flags"],
)
def test_terms_count_records_by_value(filled: Reader, field: str, limit: int, selection: Selection) -> None:
    """Values come with how many records have them, the most frequent first, ties by value, exactly."""
    counted = sorted(Counter(values(field, selection)).items(), key=lambda pair: (-pair[1], str(pair[0])))
    assert list(one(filled, Terms(field, limit), selection)) == [
        Bucket(value, count) for value, count in counted[:limit]
    ]


@pytest.mark.parametrize(
    ("field", "width"), [("score.complaint", 0.1), ("margin.praise", 2.5), ("audience", 500), ("duration", 1)]
)
def test_histograms_count_by_width(filled: Reader, field: str, width: float) -> None:
    """Buckets of equal width begin at multiples of the width; empty ones are left out."""
    counted = Counter(math.floor(value / width) * width for value in values(field))
    buckets = list(one(filled, Histogram(field, width)))
    assert [bucket.key for bucket in buckets] == pytest.approx(sorted(counted))
    assert [bucket.count for bucket in buckets] == [counted[key] for key in sorted(counted)]


@pytest.mark.parametrize("seconds", [60, 3600, 86400, 7 * 86400])
def test_date_histograms_count_by_duration(filled: Reader, seconds: int) -> None:
    """Buckets of equal duration are aligned to 1970 and begin with a moment."""
    starts = [
        datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC) for moment in values("@timestamp")
    ]
    assert list(one(filled, DateHistogram("@timestamp", seconds))) == [
        Bucket(start, count) for start, count in sorted(Counter(starts).items())
    ]


@pytest.mark.parametrize("summed", ["audience", "score.complaint"])
@pytest.mark.parametrize("limit", [2, 1000])
def test_buckets_sum_up_another_field(filled: Reader, summed: str, limit: int) -> None:
    """Each value and each period comes with what its records add up to in another field, in which some have nothing."""
    field = find_field(summed)
    tags = find_field("tags")
    assert field
    assert tags
    by_tag: dict[str, list[float]] = {}
    by_day: dict[datetime, list[float]] = {}
    for record in (record for record in CORPUS if matches(EVERYTHING.query, record)):
        numbers = terms(field, record)
        for tag in dict.fromkeys(terms(tags, record)):
            by_tag.setdefault(tag, []).extend(numbers)
        day = datetime.fromisoformat(record["@timestamp"]).replace(hour=0, minute=0, second=0, microsecond=0)
        by_day.setdefault(day, []).extend(numbers)
    for bucket in one(filled, Terms("tags", limit, sum_of=summed)):
        assert bucket.sum == pytest.approx(math.fsum(by_tag[bucket.key]), rel=1e-6)
    days = list(one(filled, DateHistogram("@timestamp", 86_400, sum_of=summed)))
    assert [bucket.key for bucket in days] == sorted(by_day)
    assert [bucket.sum for bucket in days] == pytest.approx(
        [math.fsum(by_day[day]) for day in sorted(by_day)], rel=1e-6
    )


@pytest.mark.parametrize("field", ["score.complaint", "margin.praise", "audience", "duration"])
def test_statistics_sum_up_a_number(filled: Reader, field: str) -> None:
    """Count, least, greatest, sum and mean are those of the records that have the number."""
    numbers = values(field)
    assert dict(one(filled, Statistics(field))) == pytest.approx(
        {
            "count": len(numbers),
            "min": min(numbers),
            "max": max(numbers),
            "sum": math.fsum(numbers),
            "mean": math.fsum(numbers) / len(numbers),
        }
    )


@pytest.mark.parametrize("field", ["score.complaint", "margin.praise", "audience"])
def test_percentiles_lie_at_their_rank(filled: Reader, field: str) -> None:
    """About as many values as a percentile says lie at or below it."""
    numbers = sorted(values(field))
    found = one(filled, Percentiles(field))
    assert list(found) == ["1", "5", "25", "50", "75", "95", "99"]
    for percent, value in found.items():
        margin = 1.5 + 0.01 * len(numbers)
        rank = float(percent) / 100 * len(numbers)
        assert sum(number < value - 1e-6 for number in numbers) <= rank + margin
        assert sum(number <= value + 1e-6 for number in numbers) >= rank - margin


@pytest.mark.parametrize("aggregation", [Statistics("score.none"), Percentiles("score.none")])
def test_numbers_nobody_has_are_empty(filled: Reader, aggregation: Aggregation) -> None:
    """Statistics of a field without values are an empty mapping."""
    assert one(filled, aggregation) == {}


@pytest.mark.parametrize("aggregation", [Terms("labels.none"), Histogram("score.none", 1)])
def test_buckets_nobody_fills_are_empty(filled: Reader, aggregation: Aggregation) -> None:
    """Counts of a field without values are an empty list."""
    assert list(one(filled, aggregation)) == []


def test_several_aggregations_come_by_name(filled: Reader) -> None:
    """One call answers several aggregations, each under its own name."""
    found = filled.aggregate(EVERYTHING, {"kinds": Terms("kind"), "a b.c": Statistics("audience")})
    assert set(found) == {"kinds", "a b.c"}


@pytest.mark.parametrize("selection", [EVERYTHING, SOME], ids=["everything", "some"])
def test_values_counted_together_are_as_those_counted_alone(filled: Reader, selection: Selection) -> None:
    """Several fields in one call, whatever their limits, ties and sums, have the buckets that each has alone."""
    several: dict[str, Aggregation] = {
        "kinds": Terms("kind", 2),
        "tags": Terms("tags", 1000, sum_of="audience"),
        "campaigns": Terms("attributes.campaign", 1),
        "ids": Terms("id", 3),
        "all ids": Terms("id", 60_000),
    }
    few = {name: aggregation for name, aggregation in several.items() if name != "all ids"}
    alone = {name: one(filled, aggregation, selection) for name, aggregation in several.items()}
    assert filled.aggregate(selection, several) == alone
    assert filled.aggregate(selection, few) == {name: alone[name] for name in few}


@pytest.mark.parametrize(
    "aggregation",
    [
        Terms("score.complaint"),
        Terms("text"),
        Terms("kind", limit=0),
        Histogram("kind", 1),
        Histogram("audience", 0),
        Histogram("audience", math.nan),
        DateHistogram("audience", 60),
        DateHistogram("@timestamp", 0),
        Statistics("kind"),
        Percentiles("audience", (101,)),
        Terms("nonsense"),
        Terms("tags", sum_of="kind"),
        DateHistogram("@timestamp", 60, sum_of="nonsense"),
    ],
    ids=str,
)
def test_aggregations_that_make_no_sense_are_refused(filled: Reader, aggregation: Aggregation) -> None:
    """A field of the wrong type, an unknown field or a size of nothing is a clear error."""
    with pytest.raises(QueryError):
        one(filled, aggregation)


def test_a_value_counts_once_per_record(store: Store) -> None:
    """A keyword that a record holds twice counts one record."""
    store.put([make(1, tags=["a", "a", "b"]), make(2, tags=["a"])])
    assert list(one(store, Terms("tags"))) == [Bucket("a", 2), Bucket("b", 1)]


def test_removed_records_are_not_counted(store: Store) -> None:
    """Counts are of what is there now."""
    store.put([make(1, tags=["a"]), make(2, tags=["a", "b"])])
    store.forget(document_ids=["d-2"])
    assert list(one(store, Terms("tags"))) == [Bucket("a", 1)]
