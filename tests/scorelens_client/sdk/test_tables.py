"""Results as tables: columns, types, and what they say."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any, get_args

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from scorelens.v1 import scorer_pb2 as pb
from scorelens_client import Documents, Record, Records, Score, ScorelensError, Scores, Word, Words
from scorelens_client.sdk.rows import Rows
from scorelens_client.sdk.scores import read_score
from scorelens_client.sdk.tables import COLUMNS, FORMS, Form
from scorelens_store.tables.columns import SCHEMAS
from tests.end_to_end.word_scorer import MODEL, calculation
from tests.scorelens_client.test_calculation import RECORD
from tests.scorelens_store.records import make


def score(place: int, text: str) -> Score:
    """Return what the words of a text are worth."""
    tags = [calculation(tag, text) for tag in ("complaint", "praise")]
    said = [
        pb.TagScore(tag=one.tag, title=one.tag.title(), probability=one.probability, selected=one.selected)
        for one in tags
    ]
    return read_score(place, pb.Result(document_id="d", model=MODEL, tags=said), pb.DocumentCalculation(tags=tags))


def record(**parts: Any) -> Record:
    """Return a stored record with a calculation."""
    scores = {
        "tags": ["complaint"],
        "score": {"complaint": 0.88},
        "margin": {"complaint": 2.0},
        "threshold": {"complaint": 0.5},
    }
    return Record(make(3, **RECORD, **scores, labels={"right": True, "stars": 4.5}) | parts)


EMPTY: list[Rows[Any]] = [Scores(), Records(), Documents()]
FULL: list[Rows[Any]] = [Scores([score(0, "bad refund"), score(1, "good")]), Records([record()])]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", FULL, ids=lambda rows: type(rows).__name__)
def test_empty_results_have_the_columns_and_types_of_others(rows: Rows[Any], form: Form) -> None:
    """Nothing found is a table with the same columns, in every library."""
    empty = type(rows)()
    assert empty.to_arrow(form).schema == rows.to_arrow(form).schema
    assert empty.to_polars(form).schema == rows.to_polars(form).schema
    assert empty.to_pandas(form).dtypes.to_dict() == rows.to_pandas(form).dtypes.to_dict()
    assert len(empty.to_pandas(form)) == 0


def test_scores_have_one_row_per_document_tag_and_term() -> None:
    """The three forms of what the model said."""
    scores = FULL[0]
    documents = scores.to_pandas(tags=["complaint", "unknown"])
    assert documents["tags"].map(list).to_list() == [["complaint"], ["praise"]]
    assert documents["score.complaint"].to_list() == [one["complaint"] for one in scores]
    assert documents["score.unknown"].isna().all()
    assert scores.to_polars("scores")["tag"].to_list() == ["complaint", "praise", "complaint", "praise"]
    terms = scores.to_arrow("terms").to_pylist()
    assert [(one["place"], one["tag"], one["rank"], one["feature"]) for one in terms[:2]] == [
        (0, "complaint", 1, "bad"),
        (0, "complaint", 2, "refund"),
    ]


def test_terms_intercept_and_remainder_add_up_to_the_margin() -> None:
    """Whoever sums the terms table up finds the margin of the scores table."""
    for rows in FULL:
        scores, terms = rows.to_pandas("scores"), rows.to_pandas("terms")
        keys = ["record_id" if "record_id" in scores else "place", "tag"]
        sums = terms.groupby(keys)["contribution"].sum()
        for _, row in scores.iterrows():
            found = row["intercept"] + row["remainder"] + sums.get(tuple(row[keys]), 0.0)
            assert found == pytest.approx(row["margin"], abs=0.02)


def test_records_keep_times_and_maps() -> None:
    """Times are in UTC; attributes and labels are maps; whole numbers stay whole where some are absent."""
    records = Records([record(document={"id": "d", "text": "t", "audience": 3, "attributes": {"a": "b"}}), record()])
    frame = records.to_pandas()
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"
    assert frame["time"][0].to_pydatetime() == records[0].time == datetime(2026, 11, 20, 22, 36, 0, 3, UTC)
    assert frame["attributes"].to_list() == [{"a": "b"}, {}]
    assert frame["labels"][0] == {"right": "true", "stars": "4.5"}
    assert frame["audience"].to_list() == [3, pd.NA]
    assert records.to_polars()["time"].dtype == pl.Datetime("us", "UTC")


def test_columns_agree_with_those_of_an_export() -> None:
    """A column that an exported table has under the same name holds the same kind of value."""
    for form, columns in COLUMNS[Record].items():
        types = {field.name: field.type for field in SCHEMAS[form]}
        own = Records().to_arrow(form).schema
        for name in columns:
            if name not in ("events", "labels"):
                exported = types[name]
                plain = exported.value_type if pa.types.is_dictionary(exported) else exported
                assert plain == own.field(name).type or name in ("rank", "remainder_terms", "time"), name


def test_words_are_tables_of_one_row_per_word() -> None:
    """Columns are the attributes of a word, in every library and also of no words at all."""
    words = Words([Word("refund", 9, 0.9, 1, 0.05, 15.3, "tag:x refund")], total=10, others=20)
    assert words.to_arrow().to_pylist() == [dataclasses.asdict(words[0])]
    assert words.to_polars().row(0, named=True) == dataclasses.asdict(words[0])
    assert words.to_pandas().dtypes.astype(str).to_dict() == Words().to_pandas().dtypes.astype(str).to_dict()
    assert words.to_pandas()["other_count"].dtype == pd.Int64Dtype()
    assert Words().to_arrow().schema == words.to_arrow().schema
    assert (words[:1].total, words[:1].others, len(words[:0])) == (10, 20, 0)
    assert repr(words) == "<Words: 1 of 10 records against 20>"


def test_an_unknown_form_is_refused() -> None:
    """The error names the forms."""
    with pytest.raises(ScorelensError, match="form: 'x' is none of documents, scores, terms"):
        Scores().to_arrow("x")  # type: ignore[arg-type]
    with pytest.raises(ScorelensError, match="form: 'scores' is none of documents"):
        Documents().to_arrow("scores")
    with pytest.raises(ScorelensError, match="tags: must be a list"):
        Scores().to_arrow(tags="complaint")
    assert get_args(Form) == FORMS


def test_results_are_sequences() -> None:
    """Slices keep their type, and equal results are equal."""
    scores = FULL[0]
    assert isinstance(scores[:1], Scores)
    assert list(scores[:1]) == [scores[0]]
    assert scores == Scores(scores)
    assert Records([record()], total=7).total == 7


def test_a_library_that_is_missing_is_named_with_what_to_install() -> None:
    """Without pandas, to_pandas says how to get it, and importing the SDK does not need it."""
    code = """
import sys
sys.modules["pandas"] = None
sys.modules["pyarrow"] = None
import scorelens_client
assert "grpc" not in sys.modules
from scorelens_client import Client, MissingExtraError, Scores
from scorelens_reading.extras import pandas
for need in (Scores().to_arrow, lambda: pandas("to_pandas()")):
    try:
        need()
    except MissingExtraError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "a table needs pyarrow, which is not installed: pip install pyarrow, or 'scorelens[client]'",
        "to_pandas() needs pandas, which is not installed: pip install pandas, or 'scorelens[notebook]'",
    ]
