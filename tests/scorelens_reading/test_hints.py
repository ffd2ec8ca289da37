"""What a search that finds nothing says of its query, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scorelens_reading.hints import why_nothing
from scorelens_store.contract import Reader, Selection
from scorelens_store.open import open_store
from scorelens_store.query.parse import parse

TAGS = {"complaint": 0.9, "positive": 0.2, "app": 0.6}


def record(number: int, **parts: Any) -> dict[str, Any]:
    """Return a scored document as the indexer makes it."""
    return {
        "@timestamp": f"2026-11-22T10:00:{number:02d}.000000Z",
        "schema_version": 1,
        "record": {"id": f"{number:032x}", "type": "document"},
        "purpose": "production",
        "document": {
            "id": f"d-{number}",
            "kind": "tweet",
            "text": f"Still no refund for number {number}",
            "length": 28,
            "attributes": {"campaign": "autumn"},
        },
        "model": {"id": "m", "version": "1"},
        "tags": ["complaint", "app"],
        "titles": {"complaint": "Complaint", "app": "App and website"},
        "score": TAGS,
        "because": ["complaint:refund", "complaint:still no"],
    } | parts


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Open a store of a few records, one of them a replay."""
    folder: Path = tmp_path_factory.mktemp("hints") / "store"
    store = open_store(str(folder))
    store.put([*(record(number) for number in range(4)), record(9, purpose="replay", customer={"id": "c-9"})])
    yield store
    store.close()


def hints(reader: Reader, query: str, **rest: Any) -> list[str]:
    """Return what is said of a query that matches nothing."""
    selection = Selection(parse(query), **rest)
    assert reader.count(selection) == 0
    return list(why_nothing(reader, selection))


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("score.complant:>0.5", "did you mean score.complaint?"),
        ("attributes.campain:*", "did you mean attributes.campaign?"),
        ("tag:complaimt", "did you mean tag:complaint?"),
        ("tag:Complaint", "did you mean tag:complaint?"),
        ('tag:"App and Website"', "did you mean tag:app?"),
        ("kind:Tweet", "did you mean kind:tweet?"),
        ('because:"complaint:refnd"', 'did you mean because:"complaint:refund"?'),
        ("because:complaint", 'because:"complaint:FEATURE"'),
        ("refnd", 'did you mean "refund"?'),
        ("text:refnd", 'in text; did you mean "refund"?'),
    ],
)
def test_what_was_probably_meant_is_said(reader: Reader, query: str, meant: str) -> None:
    """A name or value with a typo, in the wrong case, or a title instead of an id, is answered with the right one."""
    (hint,) = hints(reader, query)
    assert hint.endswith(meant) or meant in hint


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("score.complaint:>90", "no record has score.complaint in this range; all values lie between 0.9 and 0.9"),
        ("score.complaint:1", "no record has score.complaint:1 exactly; score.complaint:>1 is a range"),
        ("because:elsewhere:x", 'no record has because:"elsewhere:x", nor any of the tag elsewhere'),
        ("id:d-77", "no record has id:d-77"),
        ("time:<2020", "no record has time in this range"),
        ("label.verdict:wrong", "no record has label.verdict"),
        ("zebra*", "no record has anything like zebra*"),
        ("zebrafish~1", 'no record has a word like "zebrafish"'),
        ('"refund no still"', 'no record has the words "refund no still" in this order'),
        ("title:*", "no record has title"),
    ],
)
def test_a_part_without_any_match_is_named(reader: Reader, query: str, said: str) -> None:
    """Where nothing like it is there, the part at fault is still named, and no guess is made."""
    assert hints(reader, query) == [said]


def test_only_the_parts_at_fault_are_named(reader: Reader) -> None:
    """Parts that match, and what the query leaves out, are not blamed."""
    assert hints(reader, "refund AND kind:twet AND NOT tag:nothing") == [
        "no record has kind:twet; did you mean kind:tweet?"
    ]


def test_what_listings_leave_out_is_said(reader: Reader) -> None:
    """A query that matches at another time or for another purpose says so."""
    assert hints(reader, "refund", until=datetime(2020, 1, 1, tzinfo=UTC)) == [
        "4 would match without --since and --until"
    ]
    assert hints(reader, "customer:c-9") == ["1 would match with --purpose all --calls"]


def test_parts_that_match_apart_are_told_from_parts_that_do_not(reader: Reader) -> None:
    """Where each part matches by itself, that is what is said."""
    assert hints(reader, "id:d-1 AND id:d-2") == [
        "each part of the query matches some record, and none matches all of it"
    ]
    assert hints(reader, "NOT refund") == []
