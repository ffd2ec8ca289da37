"""Rows of files of every form."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from scorelens.v1.scorer_pb2 import Document
from scorelens_documents.columns import Columns
from scorelens_documents.csv_rows import CsvRows
from scorelens_documents.documents import read_document, write_document
from scorelens_documents.errors import FileError
from scorelens_documents.jsonl import JsonlRows
from scorelens_documents.rows import Row, open_rows
from scorelens_documents.source import Source
from tests.scorelens_documents.test_documents import WHOLE

Rejected = list[tuple[int, bytes, str, str]]


def read(path: Path, after: int = 0, **options: str) -> tuple[list[Row], Rejected]:
    """Return the good rows of a file and what was told of the bad ones."""
    bad: Rejected = []
    with open_rows(str(path), reject=lambda *told: bad.append(told), after=after, **options) as rows:
        return list(rows), bad


def read_csv(content: str | bytes, longest: int = 2**20) -> tuple[list[tuple[int, list[Any]]], list[tuple[int, str]]]:
    """Return number and cells of the good rows of a CSV file, and number and reason of the bad ones."""
    bad: list[tuple[int, str]] = []
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    rows = CsvRows(Source("x.csv", file), lambda number, _, __, why: bad.append((number, why)), longest=longest)
    return [(row.number, list(row.values.values())) for row in rows], bad


def test_bad_lines_are_told_and_the_others_go_on(tmp_path: Path) -> None:
    """A bad line has its number counted in the file, blank lines and the byte order mark included."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "1"}\n\n{"id": \r\n{"id": "2", "text": 3}\n{"id": "3"}')
    good, bad = read(path)
    assert [(row.number, row.values["id"]) for row in good] == [(1, "1"), (4, "2"), (5, "3")]
    assert [(number, source, field) for number, source, field, _ in bad] == [(3, b'{"id": ', "")]


def test_a_line_without_end_is_not_held_in_memory() -> None:
    """A line over the limit is told with its beginning, and the next one is read."""
    bad: list[int] = []
    source = Source("x", io.BytesIO(b'{"text": "' + b"x" * 50_000 + b'"}\n{"id": "2"}\n'))
    rows = list(JsonlRows(source, lambda number, *_: bad.append(number), longest=1000))
    assert bad == [1]
    assert [(row.number, row.values["id"]) for row in rows] == [(2, "2")]


def write_jsonl(path: Path, values: list[dict[str, Any]]) -> None:
    """Write what `pull` writes."""
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), "utf-8")


def write_csv(path: Path, values: list[dict[str, Any]]) -> None:
    """Write a table with JSON in the cells of lists and objects."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(WHOLE), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        for value in values:
            writer.writerow(
                {name: json.dumps(part) if isinstance(part, list | dict) else part for name, part in value.items()}
            )


EVENT = pa.struct(
    [
        (name, pa.float64() if name in ("amount", "balance") else pa.string())
        for name in ("type", "time", "amount", "currency", "balance", "product", "text")
    ]
)
SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in WHOLE if name not in ("audience", "events", "attributes")],
        ("audience", pa.int64()),
        ("events", pa.list_(EVENT)),
        ("attributes", pa.map_(pa.string(), pa.string())),
    ]
)


def write_parquet(path: Path, values: list[dict[str, Any]]) -> None:
    """Write a table with nested columns."""
    pq.write_table(pa.Table.from_pylist(values, SCHEMA), path, row_group_size=2)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    ".jsonl": write_jsonl,
    ".csv": write_csv,
    ".tsv": write_csv,
    ".parquet": write_parquet,
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('",;\t\n\r\0\ufeff|é'), max_size=12)
TIMES = st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z")
AMOUNTS = st.floats(allow_nan=False, allow_infinity=False).map(lambda amount: amount + 0.0)  # 0.0 for -0.0
EVENTS = st.fixed_dictionaries(
    {}, optional={"type": TEXT, "time": TIMES, "amount": AMOUNTS, "balance": AMOUNTS, "text": TEXT}
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "kind", "title", "text", "language", "author", "source", "source_uri"), TEXT),
        "audience": st.integers(0, 2**63 - 1),
        "published_time": TIMES,
        "customer_id": TEXT,
        "events": st.lists(EVENTS, max_size=3),
        "attributes": st.dictionaries(TEXT, TEXT, max_size=3),
    },
).map(read_document)


@pytest.mark.parametrize("form", WRITERS)
@given(documents=st.lists(DOCUMENTS, max_size=5))
@settings(max_examples=25, deadline=None)
def test_what_pull_writes_is_read_back_from_every_form(
    form: str, documents: list[Document], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any document survives JSONL, CSV, TSV and Parquet, field by field."""
    path = tmp_path_factory.getbasetemp() / f"written{form}"
    WRITERS[form](path, [write_document(document) for document in documents])
    good, bad = read(path)
    assert bad == []
    found = [Columns().document(row.values) for row in good]
    assert found == documents


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("after", [0, 1, 3, 7, 8, 9, 20])
def test_reading_goes_on_after_a_row(form: str, after: int, tmp_path: Path) -> None:
    """With `after`, exactly the later rows are yielded, under the numbers that they have in the whole file."""
    path = tmp_path / f"x{form}"
    WRITERS[form](path, [{"id": str(number), "text": "a\nb" if number % 2 else "c"} for number in range(8)])
    everything, _ = read(path)
    assert len(everything) == 8
    assert read(path, after=after)[0] == [row for row in everything if row.number > after]


@pytest.mark.parametrize("form", [".jsonl", ".ndjson", ".csv", ".tsv"])
def test_gzip_is_read_and_its_bytes_are_counted_as_they_lie_there(form: str, tmp_path: Path) -> None:
    """A packed file gives the same rows, and `read` ends at the size of the file."""
    plain, packed = tmp_path / f"x{form}", tmp_path / f"x{form}.gz"
    WRITERS.get(form, write_jsonl)(plain, [{"id": str(number)} for number in range(2000)])
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    with open_rows(str(packed), reject=lambda *_: None) as rows:
        assert list(rows) == read(plain)[0]
        assert rows.read == rows.size == packed.stat().st_size


def test_rows_with_too_many_or_too_few_cells_are_told() -> None:
    """A row that does not fit its header is refused with the line where it begins."""
    good, bad = read_csv('id,text\n1,"a\nb"\n2\n3,c,d\n\n4,e\n')
    assert good == [(2, ["1", "a\nb"]), (7, ["4", "e"])]
    assert bad == [
        (4, "1 cell, but the header names 2 columns"),
        (5, "3 cells, but the header names 2 columns"),
    ]


def test_a_quote_that_is_not_closed_costs_one_line() -> None:
    """What a stray quote would swallow is read again as rows of their own."""
    good, bad = read_csv('id,text\n1,a\n2,"b\n3,c\n4,"d"\n5,e\n6,"f\n7,g\n')
    assert [cells[0] for _, cells in good] == ["1", "3", "4", "5", "7"]
    assert [number for number, _ in bad] == [3, 7]
    assert "quote" in bad[0][1]


def test_a_row_without_end_is_refused_and_not_held() -> None:
    """A row over the limit is told, and the rows behind it are read."""
    good, bad = read_csv("id,text\n1," + "x" * 5000 + '\n2,b\n3,"c\n' + "4,dddddddd\n" * 200, longest=1000)
    assert [number for number, _ in bad] == [2, 4]
    assert "longer than" in bad[0][1]
    assert len(good) == 201


def test_bytes_that_are_not_utf8_cost_one_row() -> None:
    """A row in another encoding is told with the byte, and the others are read."""
    good, bad = read_csv(b"id,text\n1,caf\xe9\n2,ok\n")
    assert (good, [number for number, _ in bad]) == ([(3, ["2", "ok"])], [2])
    assert bad[0][1].startswith("the row is not UTF-8 at byte 6; ")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_the_header(delimiter: str) -> None:
    """Whatever splits the header into the most columns separates cells."""
    assert read_csv(f'\ufeffid{delimiter}"the text"\r\n1{delimiter}x\r\n')[0] == [(2, ["1", "x"])]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("id,a;b,c;d\n", "name it: --delimiter"),
        ("id,id\n1,2\n", "two columns have the name 'id'"),
        ("\nid,text\n", "first line is blank"),
        ('id,"text\n1,2\n', "header cannot be read"),
        ("id,text\n".encode("utf-16"), "UTF-16"),
        (b"id,caf\xe9\n", "not UTF-8"),
    ],
)
def test_a_header_that_names_no_columns_is_refused(content: str | bytes, told: str, tmp_path: Path) -> None:
    """What cannot be read as a whole has an error that names the file."""
    path = tmp_path / "x.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(FileError, match=told) as caught:
        read(path)
    assert "x.csv" in str(caught.value)


@given(st.lists(st.text(st.sampled_from('ab",;\n\r é\0'), max_size=8), max_size=30).map("\n".join))
@settings(deadline=None)
def test_any_text_is_rows_and_rejects(body: str) -> None:
    """Whatever a CSV file holds, reading ends, numbers rise, and no row has a wrong number of cells."""
    good, bad = read_csv("one,two\n" + body, longest=60)
    numbers = [number for number, _ in good]
    assert numbers == sorted(set(numbers))
    assert not set(numbers) & {number for number, _ in bad}


def test_tables_with_the_types_of_a_warehouse_are_read(tmp_path: Path) -> None:
    """Times keep their digits, decimals theirs, ids may be numbers, NaN and null are absent."""
    table = pa.table(
        {
            "id": pa.array([17, 18], pa.int64()),
            "text": pa.array(["a", "b"]).dictionary_encode(),
            "published_time": pa.array([1_790_000_000_123_456_789, None], pa.timestamp("ns", tz="Europe/Berlin")),
            "audience": pa.array([1200.0, float("nan")]),
            "price": pa.array([None, "12.50"]).cast(pa.decimal128(10, 2)),
            "day": pa.array([20_000, None], pa.date32()),
            "raw": pa.array([b"caf\xc3\xa9", b"\xff\xfe"]),
            "events": pa.array(
                [[{"type": "salary", "time": 1_790_000_000_000, "amount": 2}], []],
                pa.list_(pa.struct([("type", pa.string()), ("time", pa.timestamp("ms")), ("amount", pa.int32())])),
            ),
        }
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    (first, second), bad = read(path)
    assert bad == []
    one, two = Columns().document(first.values), Columns().document(second.values)
    assert (one.id, one.text, one.audience) == ("17", "a", 1200)
    assert one.published_time.ToJsonString() == "2026-09-21T14:13:20.123456789Z"
    assert one.events[0].time.ToJsonString() == "2026-09-21T14:13:20Z"
    assert dict(one.attributes) == {"day": "2024-10-04", "raw": "café"}
    assert dict(two.attributes) == {"price": "12.50", "raw": "//4="}
    assert (two.audience, two.HasField("published_time")) == (0, False)
    assert json.loads(first.source)["text"] == "a"


def test_a_cell_that_is_not_text_costs_one_row(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 in a column of text are told with the row's number."""
    broken = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": ["1", "2", "3"], "text": broken}), path)
    good, bad = read(path)
    assert [row.values["id"] for row in good] == ["1", "3"]
    assert [number for number, *_ in bad] == [2]


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.tsv", "x.jsonl.gz", "x"])
def test_an_empty_file_has_no_rows(name: str, tmp_path: Path) -> None:
    """Nothing is read from nothing."""
    (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    assert read(tmp_path / name) == ([], [])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.parquet", b"", "cannot be read as Parquet"),
        ("x.parquet", b"PAR1 but not really PAR1", "cannot be read as Parquet"),
        ("x.json", b'[{"id": "1"}]', "one JSON array"),
        ("x.xyz", b"hello", "--format"),
        ("x.jsonl.gz", gzip.compress(b'{"id": "1"}\n' * 50_000)[:300], "ends too early"),
        ("x.csv", b"\x28\xb5\x2f\xfd000", "zstd"),
        ("x.jsonl", b"PAR1", "Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    """Files that are damaged or of another form have an error that says what to do."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=told) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)


def test_folders_and_missing_files_are_named(tmp_path: Path) -> None:
    """A path that is no file is told apart."""
    with pytest.raises(FileError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(FileError, match=r"nowhere\.csv: No such file"):
        read(tmp_path / "nowhere.csv")


def test_the_form_may_be_told_by_the_first_bytes(tmp_path: Path) -> None:
    """A file without a telling name is read by how it begins, or as the caller says."""
    (tmp_path / "export").write_bytes(b' {"id": "1"}\n')
    assert len(read(tmp_path / "export")[0]) == 1
    (tmp_path / "table").write_bytes(b"id;text\n1;a\n")
    assert read(tmp_path / "table", form="csv")[0][0].values == {"id": "1", "text": "a"}
    pq.write_table(pa.table({"id": ["1"]}), tmp_path / "part-0001")
    assert read(tmp_path / "part-0001")[0][0].values == {"id": "1"}


def test_large_row_groups_are_read_in_small_batches(tmp_path: Path) -> None:
    """A row group of many rows is not taken into memory as rows at once."""
    path = tmp_path / "x.parquet"
    count = 200_000
    pq.write_table(pa.table({"id": pa.array(range(count)), "text": pa.repeat("word " * 20, count)}), path)
    with open_rows(str(path), reject=lambda *_: None) as rows:
        before = pa.total_allocated_bytes()
        most, last = 0, 0
        for row in rows:
            last = row.number
            if row.number % 10_000 == 0:
                most = max(most, pa.total_allocated_bytes() - before)
                assert 0 < rows.read <= rows.size  # type: ignore[operator]
    assert last == count
    assert most < 8 * 2**20
