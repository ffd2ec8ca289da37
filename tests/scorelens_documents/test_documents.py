"""Documents as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens.v1.scorer_pb2 import Document
from scorelens_documents.documents import document_of_record, read_document, read_line, write_document
from scorelens_documents.errors import DocumentError
from scorelens_documents.unread import overlooked

WHOLE: dict[str, Any] = {
    "id": "d-17",
    "kind": "activity",
    "title": "Statement",
    "text": "Still no refund",
    "language": "en",
    "author": "ann",
    "source": "bank",
    "source_uri": "https://bank.example/17",
    "audience": 1200,
    "published_time": "2026-11-22T10:00:00.250Z",
    "customer_id": "c-1",
    "events": [{"type": "salary", "time": "2026-11-01T00:00:00Z", "amount": 2100.5, "currency": "EUR", "balance": 0.0}],
    "attributes": {"campaign": "x"},
}


def test_every_field_survives_both_ways() -> None:
    """What pull writes, score reads, field by field."""
    assert write_document(read_document(WHOLE)) == WHOLE


def test_every_field_of_the_contract_is_read() -> None:
    """A field that the contract gains cannot be forgotten here."""
    assert set(WHOLE) == {field.name for field in Document.DESCRIPTOR.fields}


def test_unknown_fields_become_attributes() -> None:
    """Whatever else an owner keeps beside the text stays with the document."""
    document = read_document(
        {"id": "1", "truth": ["complaint", "bank"], "sentiment": -1.5, "seen": True, "gone": None, "by": {"team": "a"}}
    )
    assert dict(document.attributes) == {
        "truth": "complaint, bank",
        "sentiment": "-1.5",
        "seen": "true",
        "by": "team: a",
    }


def test_a_number_is_a_good_id() -> None:
    """Ids that an export wrote as numbers are taken as their digits."""
    assert read_document({"id": 17}).id == "17"


def test_numbers_times_lists_and_objects_are_read_from_strings() -> None:
    """Tables hold as strings what JSON has types for; it is the same document."""
    as_strings = WHOLE | {
        "audience": "1200",
        "published_time": "2026-11-22 11:00:00.25+01:00",
        "events": json.dumps(WHOLE["events"]).replace("2100.5", '"2100.5"'),
        "attributes": json.dumps(WHOLE["attributes"]),
    }
    assert read_document(as_strings) == read_document(WHOLE)
    assert read_document({"published_time": "2026-11-22"}).published_time.seconds == 1795305600
    assert read_document({"id": 17.0, "audience": str(2**63 - 1)}) == Document(id="17", audience=2**63 - 1)


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (b'{"text": 5}', "text", "must be a string, not a number"),
        (b'{"audience": -1}', "audience", "at least 0"),
        (b'{"audience": 1e300}', "audience", "whole number"),
        (b'{"audience": Infinity}', "audience", "finite"),
        (b'{"audience": true}', "audience", "must be a number"),
        (b'{"audience": "many"}', "audience", "must be a number, not 'many'"),
        (b'{"audience": "1.5"}', "audience", "whole number"),
        (b'{"events": "[{"}', "events", "not the JSON"),
        (b'{"events": "none"}', "events", "must be a list"),
        (b'{"mood": -Infinity}', "mood", "finite"),
        (b'{"mood": [1, Infinity]}', "mood[1]", "finite"),
        (b'{"events": [{"amount": 1e999}]}', "events[0].amount", "finite"),
        (b'{"events": [{"amont": 1}]}', "events[0].amont", "not a field of an event"),
        (b'{"events": {"amount": 1}}', "events", "must be a list"),
        (b'{"events": [5]}', "events[0]", "must be an object"),
        (b'{"published_time": "yesterday"}', "published_time", "RFC 3339"),
        (b'{"published_time": 1763805600}', "published_time", "RFC 3339"),
        (b'{"attributes": "x"}', "attributes", "must be an object"),
        (b'{"text": "\\ud800"}', "text", "half a character"),
        (b'{"text": "a', "", "not JSON at character"),
        (b"[1]", "", "must be a JSON object, not a list; one object stands on each line"),
        (b"{", "", "one object stands on each line"),
        (b'{"text": "\xff"}', "", "not UTF-8 at byte 11; where it is Latin-1, this makes it UTF-8: iconv"),
        (b"[" * 100_000, "", "not JSON"),
        (b'{"n": ' + b"9" * 5000 + b"}", "", "not JSON"),
    ],
)
def test_a_wrong_line_names_the_field(line: bytes, field: str, reason: str) -> None:
    """Each way in which a line can be wrong has an error that names the field and says what is expected."""
    with pytest.raises(DocumentError) as caught:
        read_line(line)
    assert caught.value.field == field
    assert reason in caught.value.reason


def test_what_tables_write_for_a_missing_value_is_absent() -> None:
    """NaN, and an empty string in place of a number, a time or events, are as good as null."""
    event = {"type": "salary", "amount": "", "time": "", "balance": math.nan}
    missing = {"text": math.nan, "audience": "", "published_time": "", "mood": math.nan, "events": [event]}
    assert read_line(json.dumps(missing).encode()) == read_document({"events": [{"type": "salary"}]})
    assert read_document({"events": "", "attributes": '{"mood": NaN}'}) == Document()


TEXTS = st.text(st.sampled_from("ab 1\x00é☃\U0001f600\ud800"), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(TEXTS, part, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*WHOLE, "truth", "other"])


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_any_object_is_a_document_or_a_document_error(value: dict[str, Any]) -> None:
    """Whatever JSON a line holds, it is read or refused with a reason, and what was read is a valid message."""
    try:
        document = read_line(json.dumps(value).encode())
    except DocumentError:
        return
    assert Document.FromString(document.SerializeToString()) == document
    assert read_document(write_document(document)) == document


def test_a_record_becomes_the_document_it_was_made_of() -> None:
    """The document that a record holds can be scored again."""
    record = {
        "document": {name: WHOLE[name] for name in WHOLE if name not in ("events", "customer_id")}
        | {"number": 0, "length": 15},
        "customer": {"id": "c-1"},
        "activity": {
            "type": ["salary", "page_view"],
            "time": ["2026-11-01T00:00:00Z", ""],
            "amount": [2100.5, 0.0],
            "currency": ["EUR", ""],
            "balance": [0.0, None],
            "product": ["", "loans"],
            "text": ["", ""],
        },
    }
    document = document_of_record(record)
    assert document.events[0] == read_document(WHOLE).events[0]
    assert document.events[1].product == "loans"
    assert not document.events[1].HasField("balance")
    assert document.customer_id == "c-1"
    assert document.published_time == read_document(WHOLE).published_time


def test_a_text_that_no_field_is_filled_from_is_noticed() -> None:
    """Documents that say nothing name their longest column; those that say anything, or have no column, name none."""
    rows: list[dict[str, Any]] = [
        {"id": 1, "body": "Still no refund", "desk": "7"},
        {"id": 2, "url": "https://a.example"},
    ]
    assert overlooked(map(read_document, rows)) == "url"
    assert overlooked(map(read_document, rows[:1])) == "body"
    assert overlooked(map(read_document, [*rows, {"text": "x"}])) == ""
    assert overlooked([read_document({"events": [{"type": "salary"}], "desk": "7"})]) == ""
    assert overlooked([read_document({"id": 1})]) == ""
