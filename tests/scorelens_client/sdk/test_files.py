"""Records in files of every form: whole, or not there."""

from __future__ import annotations

import asyncio
import csv
import json
import resource
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from scorelens_client import AsyncClient, Client, Record, ScorelensError
from scorelens_client.sdk.files import save
from scorelens_client.sdk.scans import AsyncScan, Scan
from scorelens_client.sdk.tables import BATCH_CHARACTERS, FORMS, Form, batches_of
from scorelens_client.sdk.tasks import Threads
from scorelens_store.contract import Selection
from scorelens_store.open import open_store
from scorelens_store.query.tree import Everything
from tests.scorelens_client.system import wait_until
from tests.scorelens_store.records import corpus, make

RECORDS = [record for record in corpus(90) if "document" in record]
EVERYTHING: dict[str, Any] = {"purposes": "all"}
KINDS = ("jsonl", "csv", "parquet", "arrow")
OLD = "what was there before"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that holds RECORDS."""
    folder = str(tmp_path_factory.mktemp("files") / "store")
    store = open_store(folder)
    store.put(RECORDS)
    store.close()
    return folder


@pytest.fixture
def client(where: str) -> Iterator[Client]:
    """Open a client on the store."""
    with Client(store=where) as opened:
        yield opened


def table(path: Path) -> pa.Table:
    """Read a Parquet or Arrow file."""
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a CSV or JSON lines file."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def only(path: Path) -> bool:
    """Tell whether a folder has one file, for its owner alone."""
    return list(path.parent.iterdir()) == [path] and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_json_lines_are_the_records(client: Client, tmp_path: Path) -> None:
    """Each line is a whole record, by time."""
    path = tmp_path / "hits.jsonl"
    assert client.scan(**EVERYTHING).save(path) == len(RECORDS)
    assert rows(path) == [record.raw for record in client.scan(**EVERYTHING)]
    assert only(path)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("form", FORMS)
def test_tables_are_those_of_the_scan(client: Client, tmp_path: Path, kind: str, form: Form) -> None:
    """A Parquet and an Arrow file have the columns, types and rows of the scan's record batches."""
    path = tmp_path / f"hits.{kind}"
    tags = ["praise"] if form == "documents" else []
    assert client.scan(**EVERYTHING).save(str(path), form, tags=tags) == len(RECORDS)
    expected = client.scan(**EVERYTHING).to_reader(form, tags=tags).read_all()
    assert table(path).equals(expected)
    assert only(path)


def test_cells_of_csv_are_read_back(client: Client, tmp_path: Path) -> None:
    """Ids of several go with spaces between them, other lists and maps as JSON, and what is absent is empty."""
    path = tmp_path / "hits.csv"
    client.scan(**EVERYTHING).save(path, tags=["praise", "complaint"])
    found = {row["record_id"]: row for row in rows(path)}
    assert len(found) == len(RECORDS)
    for raw in RECORDS:
        row, record = found[raw["record"]["id"]], Record(raw)
        assert row["text"] == raw["document"]["text"]
        assert row["tags"].split() == list(record.tags)
        assert json.loads(row["because"]) == raw["because"]
        assert json.loads(row["attributes"]) == raw["document"].get("attributes", {})
        assert row["audience"] == str(raw["document"].get("audience") or "")
        assert row["time"] == record.time.isoformat()
        assert row["score.praise"] == str(raw["score"].get("praise", ""))
        events = json.loads(row["events"])
        assert [event["type"] for event in events] == raw.get("activity", {}).get("type", [])
    assert only(path)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_rows_of_a_form_are_the_same_in_every_file(client: Client, tmp_path: Path, kind: str) -> None:
    """With a form, JSON lines are rows, too."""
    path = tmp_path / f"scores.{kind}"
    client.scan(**EVERYTHING).save(path, "scores")
    expected = client.scan(**EVERYTHING).to_reader("scores").read_all().to_pylist()
    found = rows(path)
    assert [list(row) for row in found] == [list(row) for row in expected]
    truth = {True: "true", False: "false"} if kind == "csv" else {True: True, False: False}
    assert [row["selected"] for row in found] == [truth[row["selected"]] for row in expected]
    assert [float(row["probability"]) for row in found] == [row["probability"] for row in expected]


def test_odd_texts_survive_a_csv(tmp_path: Path) -> None:
    """Quotes, separators and every end of a line stay within their cell."""
    texts = ['"a", b', "one\rtwo", "one\ntwo\r\nthree", "", "=1+1", "é😀\u2028"]
    records = [Record(make(number, document={"id": str(number), "text": text})) for number, text in enumerate(texts)]
    save(records, tmp_path / "hits.csv")
    assert [row["text"] for row in rows(tmp_path / "hits.csv")] == texts


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_found_is_a_file_with_no_rows(client: Client, tmp_path: Path, kind: str) -> None:
    """A file without rows has its columns all the same."""
    path = tmp_path / f"hits.{kind}"
    assert client.scan("text:nowhere").save(path) == 0
    if kind in ("parquet", "arrow"):
        assert "document_id" in table(path).column_names
    else:
        assert rows(path) == []
        assert ("document_id" in path.read_text()) == (kind == "csv")


class FailedError(Exception):
    """What goes wrong midway."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [FailedError, KeyboardInterrupt])
def test_what_ends_midway_leaves_the_file_of_before(tmp_path: Path, kind: str, error: type[BaseException]) -> None:
    """Where reading fails or is interrupted, the old file stays, no half one is left, and the error is the reader's."""
    path = tmp_path / f"hits.{kind}"
    path.write_text(OLD)

    def failing() -> Iterator[Record]:
        for number, raw in enumerate(RECORDS):
            assert partial_of(path).exists()
            if number == 70:
                raise error
            yield Record(raw)

    with pytest.raises(error):
        save(failing(), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == OLD


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_an_error_that_names_the_file(client: Client, tmp_path: Path, kind: str) -> None:
    """What cannot be written is an error for people, and nothing of it is left."""
    path = tmp_path / f"hits.{kind}"
    with _no_room(2_000), pytest.raises(ScorelensError, match=rf"cannot write .*hits\.{kind} \(path\): File too large"):
        client.scan(**EVERYTHING).save(path)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _no_room(bytes_left: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hits.xlsx", r"end the name in \.jsonl, \.csv, \.parquet, \.arrow"),
        ("hits", "end the name in"),
        ("nowhere/hits.csv", "there is no folder"),
        ("folder.csv", "is a folder"),
    ],
)
def test_names_that_cannot_be_are_refused(client: Client, tmp_path: Path, name: str, message: str) -> None:
    """The end of the name tells the form; nothing is read or made where it cannot."""
    (tmp_path / "folder.csv").mkdir()
    scan = client.scan(**EVERYTHING)
    with pytest.raises(ScorelensError, match=message):
        scan.save(tmp_path / name)
    with pytest.raises(ScorelensError, match="form: 'words' is none of"):
        scan.save(tmp_path / "hits.jsonl", "words")  # type: ignore[arg-type]
    with pytest.raises(ScorelensError, match="tags"):
        scan.save(tmp_path / "hits.csv", "terms", tags=["praise"])
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]
    assert len(list(scan)) == len(RECORDS)


def test_one_run_at_a_time_writes_a_file(tmp_path: Path) -> None:
    """A second run is refused while the first one writes, and takes nothing away from it."""
    path = tmp_path / "hits.jsonl"
    more, refused = threading.Event(), threading.Event()

    def slow() -> Iterator[Record]:
        yield Record(RECORDS[0])
        more.set()
        assert refused.wait(60)
        yield Record(RECORDS[1])

    first = threading.Thread(target=save, args=(slow(), path))
    first.start()
    assert more.wait(60)
    with pytest.raises(ScorelensError, match="is being written by another run"):
        save([], path)
    refused.set()
    first.join(60)
    assert rows(path) == RECORDS[:2]
    assert only(path)


class Endless:
    """A reader whose scan goes on until it is cancelled."""

    def scan(self, selection: Selection, *, cancelled: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """Yield the first record time and again."""
        while not cancelled():
            yield RECORDS[0]


def endless() -> Scan:
    """Begin a scan that only cancelling ends."""
    return Scan(lambda: Endless(), Selection(Everything()))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancelled_scan_leaves_no_file(tmp_path: Path, kind: str) -> None:
    """Cancelled from another thread while it is saved, a scan ends with an error and without a file."""
    path = tmp_path / f"hits.{kind}"
    scan = endless()

    def cancel() -> None:
        wait_until(partial_of(path).exists, "it is written")
        scan.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(ScorelensError, match=r"the scan was cancelled: .*is not written"):
        scan.save(path)
    canceller.join(60)
    assert list(tmp_path.iterdir()) == []


def partial_of(path: Path) -> Path:
    """Return what a file is called until it is whole."""
    return path.with_name(path.name + ".partial")


def test_long_texts_make_short_batches() -> None:
    """A record batch is full by its items or by the characters of their texts, and none is lost."""
    long = "x" * (BATCH_CHARACTERS // 3)
    records = [Record(make(number, document={"id": str(number), "text": long})) for number in range(9)]
    batches = list(batches_of(Record, iter(records), "documents", size=6))
    assert [batch.num_rows for batch in batches] == [4, 4, 1]
    short = [Record(make(number)) for number in range(13)]
    assert [batch.num_rows for batch in batches_of(Record, short, "documents", size=6)] == [6, 6, 1]
    assert [batch.num_rows for batch in batches_of(Record, [], "documents")] == [0]


@pytest.mark.parametrize("kind", KINDS)
def test_asyncio_saves_the_same(where: str, client: Client, tmp_path: Path, kind: str) -> None:
    """The file of an AsyncScan is that of a Scan, byte for byte."""

    async def work() -> int:
        async with AsyncClient(store=where) as opened:
            return await opened.scan(**EVERYTHING).save(tmp_path / f"async.{kind}")

    assert asyncio.run(work()) == client.scan(**EVERYTHING).save(tmp_path / f"sync.{kind}")
    assert (tmp_path / f"async.{kind}").read_bytes() == (tmp_path / f"sync.{kind}").read_bytes()


def test_a_cancelled_task_leaves_no_file(tmp_path: Path) -> None:
    """When a cancelled task ends, the thread that wrote has ended, too, and what it wrote is gone."""
    path = tmp_path / "hits.jsonl"

    async def work() -> None:
        task = asyncio.ensure_future(AsyncScan(endless(), Threads(2)).save(path))
        await asyncio.to_thread(wait_until, partial_of(path).exists, "it is written")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240

    asyncio.run(work())
