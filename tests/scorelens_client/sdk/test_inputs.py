"""What may be given as documents, and what is said of what may not."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens.v1.scorer_pb2 import Document
from scorelens_client import DocumentError, Documents
from scorelens_client.sdk.inputs import documents_of, is_one
from scorelens_documents.documents import read_document, write_document

ROWS: list[dict[str, Any]] = [
    {"id": "d-1", "kind": "tweet", "text": "Still no refund", "audience": 1200, "campaign": "x"},
    {"id": "d-2", "kind": "blog", "text": "", "audience": None, "campaign": None},
]
TABLES = [pd.DataFrame(ROWS), pl.DataFrame(ROWS), pa.Table.from_pylist(ROWS), pa.RecordBatch.from_pylist(ROWS)]


class Kind(Enum):
    """Kinds as somebody's own code has them."""

    TWEET = "tweet"


@dataclass
class Event:
    """An event as somebody's own code has it."""

    type: str
    time: datetime


@dataclass
class Post:
    """A document as somebody's own code has it."""

    id: uuid.UUID
    text: str
    kind: Kind = Kind.TWEET
    audience: int | None = None
    published_time: datetime | None = None
    events: tuple[Event, ...] = ()
    budget: Decimal = Decimal("1.50")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{type(table).__module__}.{type(table).__name__}")
def test_tables_are_read_row_by_row(table: Any) -> None:
    """pandas, polars and Arrow give the same documents; what is absent there is absent in the document."""
    first, second = documents_of(table)
    assert (first.id, first.audience, dict(first.attributes)) == ("d-1", 1200, {"campaign": "x"})
    assert (second.kind, second.audience, dict(second.attributes)) == ("blog", 0, {})


def test_columns_are_mapped_to_fields() -> None:
    """A column of any name fills a field; one that the table does not have is named with those it has."""
    frame = pd.DataFrame({"body": ["hello"], "when": pd.to_datetime(["2026-11-01T10:00:00+01:00"])})
    (document,) = documents_of(frame, {"text": "body", "published_time": "when"})
    assert (document.text, document.published_time.ToJsonString()) == ("hello", "2026-11-01T09:00:00Z")
    with pytest.raises(DocumentError, match="no column 'bdy' for text; it has body, when"):
        list(documents_of(frame, {"text": "bdy"}))
    with pytest.raises(DocumentError, match="columns: 'txt': is not a field of a document: id, "):
        list(documents_of(frame, {"txt": "body"}))


def test_dataclasses_are_documents() -> None:
    """Fields of a dataclass are read as those of a dict, with Python's own types in them."""
    moment = datetime(2026, 11, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    post = Post(uuid.UUID(int=7), "hi", published_time=moment, events=(Event("salary", datetime(2026, 1, 1)),))
    assert is_one(post)
    (document,) = documents_of([post])
    assert write_document(document) == {
        "id": str(uuid.UUID(int=7)),
        "kind": "tweet",
        "text": "hi",
        "published_time": "2026-11-01T10:00:00Z",
        "events": [{"type": "salary", "time": "2026-01-01T00:00:00Z"}],
        "attributes": {"budget": "1.50"},
    }


def test_numbers_of_numpy_and_pandas_are_numbers() -> None:
    """Values that a row of a DataFrame has are read like Python's own."""
    value = {
        "audience": np.int64(7),
        "n": np.float32(0.5),
        "tags": np.array(["a", "b"]),
        "gone": pd.NaT,
        "unknown": pd.NA,
        "nan": math.nan,
    }
    (document,) = documents_of([value | {"day": date(2026, 1, 2), "when": pd.Timestamp("2026-01-02T03:04:05.678Z")}])
    assert document.audience == 7
    assert dict(document.attributes) == {
        "n": "0.5",
        "tags": "a, b",
        "day": "2026-01-02T00:00:00Z",
        "when": "2026-01-02T03:04:05.678000Z",
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"audience": -4}, r"documents\[1\]\.audience: must be a whole number of at least 0, not -4"),
        ({"text": 5}, r"documents\[1\]\.text: must be a string, not a number"),
        ({"events": [{}, {"amount": math.inf}]}, r"documents\[1\]\.events\[1\]\.amount: must be a finite number"),
        ({"published_time": "yesterday"}, r"documents\[1\]\.published_time: must be a time"),
        ({"text": "\ud800"}, r"documents\[1\]\.text: holds half a character"),
        (7, r"documents\[1\]: must be a dict, a Document, a dataclass or a text, not an int"),
        (None, r"documents\[1\]: must be .* not a NoneType"),
        (Post, r"documents\[1\]: must be .* not a type"),
    ],
)
def test_what_is_wrong_is_named_by_place_and_field(wrong: object, message: str) -> None:
    """The error says which document, which field, and what was expected."""
    with pytest.raises(DocumentError, match=f"^{message}"):
        list(documents_of(["fine", wrong]))  # type: ignore[list-item]


@pytest.mark.parametrize("wrong", [5, b"bytes", None])
def test_what_is_no_document_at_all_is_refused(wrong: Any) -> None:
    """Something that cannot be iterated is named by its type."""
    with pytest.raises(DocumentError, match=r"documents: must be documents or a table of them, not an? "):
        list(documents_of(wrong))


def test_a_table_that_arrow_cannot_hold_is_refused() -> None:
    """A DataFrame with arbitrary objects is an error for people."""
    with pytest.raises(DocumentError, match="the table cannot be read"):
        list(documents_of(pd.DataFrame({"text": [object(), "b"]})))


@pytest.mark.parametrize("one", ["no refund", {"text": "no refund"}, Document(text="no refund")])
def test_a_single_document_is_never_taken_apart(one: Any) -> None:
    """Where several are asked for, a text is not its characters, and a dict not its keys."""
    assert [document.text for document in documents_of(one)] == ["no refund"]


def test_a_series_is_an_iterable_of_texts() -> None:
    """One column stands for the texts in it."""
    assert [document.text for document in documents_of(pd.Series(["a", "b"]))] == ["a", "b"]
    assert [document.text for document in documents_of(pl.Series(["a", "b"]))] == ["a", "b"]


AMOUNTS = st.floats(allow_nan=False, allow_infinity=False).map(lambda amount: amount + 0.0)
"""Without the zero below zero, which JSON has not."""
DOCUMENTS = st.builds(
    lambda values, events: read_document(values | {"events": events}),
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.text(st.characters(codec="utf-8")),
            "kind": st.sampled_from(("tweet", "activity")),
            "text": st.text(st.characters(codec="utf-8")),
            "audience": st.integers(0, 2**63 - 1),
            "customer_id": st.text(st.characters(codec="utf-8")),
            "attributes": st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))),
            "published_time": st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(
                lambda t: t.isoformat() + "Z"
            ),
        },
    ),
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(("salary", "")), "amount": AMOUNTS},
            optional={
                "balance": AMOUNTS,
                "time": st.just("2026-01-01T00:00:00Z"),
            },
        ),
        max_size=2,
    ),
)


@given(st.lists(DOCUMENTS, max_size=4))
def test_documents_survive_their_table(documents: list[Document]) -> None:
    """What pull gives as a table is scored as the same documents."""
    assert list(documents_of(Documents(documents).to_arrow())) == documents
    assert [read_document(one) for one in Documents(documents).to_dicts()] == documents


def test_times_have_their_zone() -> None:
    """A table of documents has published times in UTC."""
    (moment,) = Documents([read_document({"published_time": "2026-11-01T10:00:00+02:00"})]).to_arrow()["published_time"]
    assert moment.as_py() == datetime(2026, 11, 1, 8, tzinfo=UTC)
