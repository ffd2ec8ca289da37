"""Rows of stored records as the bytes of files, part by part."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from scorelens_reading.stored import Stored
from scorelens_reading.tables import files
from scorelens_reading.tables.arrow import batches_of, schema_of
from scorelens_reading.tables.columns import FORMS, RECORD, Form, columns_of
from scorelens_reading.tables.rows import MAKERS, rows_by
from tests.scorelens_store.records import make

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '=HYPERLINK("http://a.example";"b")']


def stored(count: int) -> list[Stored]:
    """Return some records."""
    return [Stored(make(number)) for number in range(count)]


def rows(records: list[Stored], form: Form, tags: tuple[str, ...] = ()) -> Iterator[Any]:
    """Return the rows of records."""
    return rows_by(MAKERS[form], records, tags)


def read(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV file as a spreadsheet reads them."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    """An apostrophe goes before what would be one, wherever foreign text stands; numbers stay numbers."""
    records = [
        Stored(make(number, document={"id": text, "title": text, "text": text, "attributes": {text: text}}))
        for number, text in enumerate(FORMULAS)
    ]
    columns = columns_of(RECORD, "documents", ["praise"])
    found = read(b"".join(files.csv_parts(columns, rows(records, "documents", ("praise",)), for_spreadsheets=True)))
    assert [row["text"] for row in found] == [f"'{text}" for text in FORMULAS]
    for row in found:
        for name, cell in row.items():
            assert not cell.startswith(("=", "+", "@", "\t", "\r", "＝")), name
            assert not cell.startswith("-") or columns[name] == "number", name
    plain = read(b"".join(files.csv_parts(columns, rows(records, "documents", ("praise",)))))
    assert [row["text"] for row in plain] == FORMULAS


def test_negative_numbers_are_no_formulas() -> None:
    """What a model has calculated is a number in a spreadsheet, too."""
    record = Stored(make(1, margin={"praise": -1.5}, score={"praise": 0.2}))
    content = b"".join(files.csv_parts(columns_of(RECORD, "scores"), rows([record], "scores"), for_spreadsheets=True))
    assert [row["margin"] for row in read(content)] == ["-1.5"]


def test_a_spreadsheet_is_told_that_it_is_unicode() -> None:
    """Where it would guess otherwise; other programs are not bothered."""
    columns = columns_of(RECORD, "documents")
    assert next(files.csv_parts(columns, iter(()), for_spreadsheets=True)).startswith(b"\xef\xbb\xbfrecord_id,")
    assert next(files.csv_parts(columns, iter(()))).startswith(b"record_id,")


@pytest.mark.parametrize("form", FORMS)
def test_every_file_has_the_same_rows(form: Form) -> None:
    """Whatever kind of file it is."""
    records, columns = stored(700), RECORD[form]
    schema = schema_of(columns)
    expected = pa.Table.from_batches(batches_of(schema, records, partial(rows, form=form)))
    batches = partial(batches_of, schema, records, partial(rows, form=form))
    parquet = b"".join(files.parquet_parts(schema, batches()))
    assert pq.read_table(io.BytesIO(parquet)).equals(expected)
    arrow = b"".join(files.arrow_parts(schema, batches()))
    assert pa.ipc.open_file(io.BytesIO(arrow)).read_all().equals(expected)
    lines = b"".join(files.lines(columns, rows(records, form)))
    assert [json.loads(line)["record_id"] for line in lines.splitlines()] == expected["record_id"].to_pylist()
    table = read(b"".join(files.csv_parts(columns, rows(records, form))))
    assert [row["record_id"] for row in table] == expected["record_id"].to_pylist()


@pytest.mark.parametrize("kind", ["lines", "csv", "parquet", "arrow"])
def test_parts_come_while_rows_are_still_read(kind: str) -> None:
    """No file is held as a whole: after a part of bounded size the next ones are not made yet."""
    made = 0

    def coming() -> Iterator[Stored]:
        nonlocal made
        for number in range(100_000):
            made += 1
            yield Stored(make(number, document={"id": str(number), "text": f"{number} " * 2_000}))

    schema, make_rows = schema_of(RECORD["documents"]), partial(rows_by, MAKERS["documents"])
    batches = batches_of(schema, coming(), make_rows)
    parts = {
        "lines": lambda: files.lines(RECORD["documents"], make_rows(coming())),
        "csv": lambda: files.csv_parts(RECORD["documents"], make_rows(coming())),
        "parquet": lambda: files.parquet_parts(schema, batches),
        "arrow": lambda: files.arrow_parts(schema, batches),
    }[kind]()
    taken = 0
    while taken < 1_000_000:
        part = next(parts)
        taken += len(part)
        assert len(part) < 20_000_000
    assert made < 60_000
