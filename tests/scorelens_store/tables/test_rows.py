"""Records become rows and come back without loss, in memory and through files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorelens_store.contract import Record
from scorelens_store.tables.arrow import is_aligned, rows_in, tables_of, without
from scorelens_store.tables.columns import REST, SCHEMAS, TABLES
from scorelens_store.tables.errors import FolderDamagedError
from scorelens_store.tables.parts import PartWriter, read_part
from scorelens_store.tables.rows import record_of, rows_of
from tests.scorelens_indexer import test_records
from tests.scorelens_store.records import corpus, make

GOLDEN = [json.loads(path.read_text()) for path in sorted(test_records.GOLDEN.glob("*.record.json"))]

texts = st.text(st.characters(codec="utf-8"), max_size=8)
doubles = st.floats(allow_nan=False, allow_infinity=False)
numbers = doubles | st.integers(-(2**63), 2**64 - 1)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(texts, part, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(("complaint", "praise", "card-fraud", "brand_acme"))


@st.composite
def calculations(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a calculation as the indexer writes it: what is not finite is null."""
    count = draw(st.integers(0, 4))
    number = st.none() | doubles
    lists = {
        name: draw(st.lists(number, min_size=count, max_size=count))
        for name in ("value", "coefficient", "contribution")
    }
    return {
        "tag": draw(names),
        "explanation": draw(st.sampled_from(("exact", "approximate", "none"))),
        "intercept": draw(number),
        "feature": draw(st.lists(texts, min_size=count, max_size=count)),
        **lists,
        "remainder": draw(number),
        "remainder_terms": draw(st.integers(0, 10**6)),
        "margin": draw(number),
        "link": draw(texts),
        "link_parameters": draw(st.dictionaries(texts, number, max_size=2)),
        "probability": draw(number),
        "threshold": draw(number),
        "selected": draw(st.booleans()),
        "intermediates": draw(st.dictionaries(texts, number, max_size=2)),
    }


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Draw a record, and here and there anything in the place of one of its members, or beside them."""
    record: Record = draw(st.sampled_from(GOLDEN + corpus(40)))
    by_tag = st.dictionaries(names, doubles, max_size=4)
    made = {
        "calculation": st.lists(calculations(), max_size=4),
        "score": by_tag,
        "margin": by_tag,
        "threshold": by_tag,
        "titles": st.dictionaries(names, texts, max_size=3),
        "tags": st.lists(names, max_size=4),
        "labels": st.dictionaries(texts, texts | st.booleans() | numbers, max_size=3),
        "resource": st.dictionaries(texts, texts, max_size=3),
        "customer": st.just({}) | st.fixed_dictionaries({"id": texts}),
    }
    replaced: Record = draw(st.fixed_dictionaries({}, optional=made))
    strange = draw(st.dictionaries(st.sampled_from(sorted({*record, *made, "new"})), anything, max_size=2))
    identity: Record = {name: record[name] for name in ("@timestamp", "record")}
    return record | replaced | strange | identity


@given(records())
def test_rows_give_the_record_back(record: Record) -> None:
    """Whatever a record holds, its rows hold it."""
    assert same(record_of(rows_of(record)), record)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(records(), min_size=1, max_size=6), st.integers(1, 4))
def test_files_give_the_records_back(tmp_path: Path, some: list[Record], together: int) -> None:
    """Records that were written to a part are read as they were and in their order, however many at a time."""
    writer = PartWriter(tmp_path / "part")
    for start in range(0, len(some), 2):
        writer.write(tables_of([rows_of(record) for record in some[start : start + 2]]))
    part = writer.finish("part")
    documents, scores, terms = (writer.folder / f"{table}.parquet" for table in TABLES)
    read = [
        record_of(rows) for tables in read_part((documents, scores, terms), part, together) for rows in rows_in(tables)
    ]
    assert len(read) == len(some)
    assert all(map(same, read, some))


@given(st.lists(records(), min_size=1, max_size=6), st.data())
def test_records_leave_without_a_trace(some: list[Record], data: st.DataObject) -> None:
    """Tables without some records are the tables of the others."""
    gone = data.draw(st.sets(st.sampled_from([record["record"]["id"] for record in some])))
    left = without(tables_of([rows_of(record) for record in some]), gone)
    assert is_aligned(left)
    kept = [record for record in some if record["record"]["id"] not in gone]
    assert [record_of(rows) for rows in rows_in(left)] == kept


def same(one: Any, other: Any) -> bool:
    """Compare as JSON does, where true is not 1 and whole numbers may be written with a fraction."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


@pytest.mark.parametrize("record", [one for one in GOLDEN if "not_finite" not in one["flags"]], ids=str)
def test_usual_records_need_no_rest(record: Record) -> None:
    """What the indexer makes lies in columns, but for calculations that differ from the answer."""
    rest = orjson.loads(rows_of(record).document[REST] or "{}")
    assert set(rest) <= {"calculation", "margin", "threshold"}


def test_rows_say_what_the_record_says() -> None:
    """Each column has the value of its place; a score has its tag's calculation, a term its score's."""
    calculation = {
        "tag": "complaint", "explanation": "exact", "intercept": -2.1, "feature": ["refund", "still no"],
        "value": [0.4, 0.2], "coefficient": [8.0, 5.0], "contribution": [3.2, 1.0], "remainder": 0.05,
        "remainder_terms": 61, "margin": 2.15, "link": "sigmoid", "link_parameters": {}, "probability": 0.9,
        "threshold": 0.5, "selected": True, "intermediates": {"raw": 0.7},
    }  # fmt: skip
    record = make(
        7,
        tags=["complaint"],
        titles={"complaint": "Complaint"},
        groups={"complaint": "topic"},
        score={"praise": 0.1, "complaint": 0.9},
        margin={"praise": -2.2, "complaint": 2.15},
        threshold={"praise": 0.5, "complaint": 0.5},
        calculation=[calculation],
        customer={"id": "c-1"},
        labels={"verdict": "right", "sure": True},
    )
    documents, scores, terms = (table.to_pylist() for table in tables_of([rows_of(record)]))
    (document,) = documents
    assert (document["document_id"], document["kind"], document["customer_id"]) == ("d-7", "tweet", "c-1")
    assert document["time"].isoformat() == record["@timestamp"]
    assert document["labels"] == [("verdict", "right"), ("sure", "true")]
    assert [(row["tag"], row["selected"], row["probability"]) for row in scores] == [
        ("complaint", True, 0.9),
        ("praise", False, 0.1),
    ]
    assert scores[0]["tag_title"] == "Complaint"
    assert scores[0]["intermediates"] == [("raw", 0.7)]
    assert scores[1]["explanation"] is None
    assert [(row["rank"], row["feature"], row["contribution"], row["selected"]) for row in terms] == [
        (1, "refund", 3.2, True),
        (2, "still no", 1.0, True),
    ]
    assert {row["record_id"] for row in (*documents, *scores, *terms)} == {record["record"]["id"]}


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    """A part whose files come from different records is named instead of mixed."""
    writers = [PartWriter(tmp_path / name) for name in "ab"]
    golden = next(record for record in GOLDEN if record.get("calculation"))
    for number, writer in enumerate(writers):
        writer.write(tables_of([rows_of(golden | {"record": {"id": f"{number:032x}", "type": "document"}})]))
    part, _ = (writer.finish("part") for writer in writers)
    mixed = tmp_path / "a" / "documents.parquet", tmp_path / "b" / "scores.parquet", tmp_path / "b" / "terms.parquet"
    with pytest.raises(FolderDamagedError, match=r"a/documents\.parquet"):
        list(read_part(mixed, part))


def test_files_hold_plain_types(tmp_path: Path) -> None:
    """Readers find strings, UTC times with microseconds and doubles, whatever they know of Arrow."""
    writer = PartWriter(tmp_path / "part")
    writer.write(tables_of([rows_of(GOLDEN[0])]))
    writer.finish("part")
    for table in TABLES:
        schema = pq.read_schema(tmp_path / "part" / f"{table}.parquet")
        assert schema.names == SCHEMAS[table].names
        assert str(schema.field("record_id").type) == "string"
        assert str(schema.field("kind").type) == "string"
        assert str(schema.field("time").type) == "timestamp[us, tz=UTC]"
        assert schema.metadata is None
