"""What a console's API and its callers exchange."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from scorelens_reading.wire import (
    read_hits,
    read_result,
    read_sort,
    read_words,
    write_hits,
    write_result,
    write_sort,
    write_words,
)
from scorelens_store.contract import (
    AggregationResult,
    Bucket,
    DateHistogram,
    Histogram,
    Hit,
    Hits,
    SignificantWord,
    SignificantWords,
    Sort,
    Statistics,
    Terms,
)
from scorelens_store.errors import QueryError

DAY = datetime(2026, 11, 22, tzinfo=UTC)


def test_hits_come_back_as_they_were() -> None:
    """Places are tuples of their own types, so that a listing goes on from them."""
    hits = Hits(
        7,
        [
            Hit({"record": {"id": "a"}}, 0.25, {"document.text": ["\u0002no\u0003 refund"]}, (0.25, 12, "a")),
            Hit({"record": {"id": "b"}}, sort=(None, 13, "b")),
        ],
    )
    assert read_hits(orjson.loads(orjson.dumps(write_hits(hits)))) == hits


@pytest.mark.parametrize(
    ("aggregation", "result"),
    [
        (Terms("kind"), [Bucket("tweet", 3), Bucket("chat", 1)]),
        (Terms("kind", sum_of="audience"), [Bucket("tweet", 3, 17.5)]),
        (Histogram("score.x", 0.1), [Bucket(0.1, 3), Bucket(0.30000000000000004, 2)]),
        (DateHistogram("@timestamp", 86_400), [Bucket(DAY, 3, 0.0)]),
        (Statistics("audience"), {"count": 2, "min": 1.5}),
        (Statistics("audience"), {}),
    ],
)
def test_results_come_back_as_they_were(
    aggregation: Terms | Histogram | DateHistogram | Statistics, result: AggregationResult
) -> None:
    """Numbers are exact and periods are moments."""
    assert read_result(orjson.loads(orjson.dumps(write_result(result))), aggregation) == result


def test_words_come_back_as_they_were() -> None:
    """With what they were counted in."""
    words = SignificantWords(10, 90, 10, 80, (SignificantWord("refund", 7, 2, 1.5),))
    assert read_words(orjson.loads(orjson.dumps(write_words(words)))) == words


@pytest.mark.parametrize("sort", [Sort(), Sort(None, descending=False), Sort("score.a:b"), Sort("record.id", False)])
def test_orders_come_back_as_they_were(sort: Sort) -> None:
    """Whatever a field is called."""
    assert read_sort(write_sort(sort)) == sort


def test_orders_are_read_as_people_write_them() -> None:
    """Short names, and the greatest first where nothing is said."""
    assert read_sort("audience") == Sort("document.audience")
    assert read_sort("time:asc") == Sort("@timestamp", descending=False)
    assert read_sort("relevance") == Sort()
    with pytest.raises(QueryError, match="sort: there is no field 'audience:up'"):
        read_sort("audience:up")
