"""`scorelens search --output`: what matches in a file, from both stores."""

from __future__ import annotations

import csv
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet as pq

from scorelens_store.contract import PAGE
from scorelens_store.open import open_store
from tests.scorelens_client.system import Ran, run, spawn, store_of, wait_until
from tests.scorelens_store.conftest import STORES
from tests.scorelens_store.records import make
from tests.tools.proxy import Answer, Passing, proxied

MANY = PAGE + 40
KINDS = ("tweet", "chat", "blog")
RECORDS = [
    make(number, document={"id": f"d-{number}", "kind": KINDS[number % 3], "text": "no refund", "audience": number % 7})
    for number in range(MANY)
]


@pytest.fixture(scope="module", params=STORES)
def where(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name a store of each kind that holds RECORDS."""
    for named in store_of(request.param, request):
        place = named or str(tmp_path_factory.mktemp("output") / "store")
        store = open_store(place)
        store.put(RECORDS)
        store.close()
        yield place


def search(where: str, folder: Path, *arguments: str) -> Ran:
    """Search a store."""
    return run(folder, "search", *arguments, "--store", where)


def test_all_that_matches_is_written_by_time(where: str, tmp_path: Path) -> None:
    """Without a limit every match is in the file, in order of time, and what was done is said in a line."""
    path = tmp_path / "tweets.jsonl"
    ran = search(where, tmp_path, "kind:tweet", "--output", str(path))
    expected = [record for record in RECORDS if record["document"]["kind"] == "tweet"]
    assert [json.loads(line) for line in path.read_text().splitlines()] == expected
    assert (ran.status, ran.out) == (0, "")
    assert f"wrote {len(expected)} records to {path}" in ran.err


def test_order_and_limit_choose_what_is_written(where: str, tmp_path: Path) -> None:
    """With an order, all or the first of it are written, over several pages."""
    path = tmp_path / "hits.parquet"
    options = ("--sort", "audience", "--score", "complaint", "--output", str(path))
    assert search(where, tmp_path, "refund", *options).status == 0
    table = pq.read_table(path)
    audiences = table.column("audience").to_pylist()
    assert [audience or 0 for audience in audiences] == sorted((number % 7 for number in range(MANY)), reverse=True)
    assert "score.complaint" in table.column_names
    search(where, tmp_path, "refund", *options, "--limit", "25")
    assert pq.read_table(path).column("audience").to_pylist() == audiences[:25]
    search(where, tmp_path, "refund", "--limit", str(PAGE + 1), "--output", str(path))
    assert pq.read_table(path).num_rows == PAGE + 1


def test_a_table_can_be_chosen(where: str, tmp_path: Path) -> None:
    """One row per tag, whose number is said beside that of the records."""
    path = tmp_path / "scores.csv"
    ran = search(where, tmp_path, "kind:blog", "--table", "scores", "--output", str(path))
    with path.open(newline="") as file:
        assert list(csv.DictReader(file)) == []
    assert "wrote 80 records, 0 rows" in ran.err


def test_nothing_found_is_said_with_why(where: str, tmp_path: Path) -> None:
    """A query without matches writes a file without rows, and says which part of it matches nothing."""
    path = tmp_path / "none.csv"
    ran = search(where, tmp_path, "kind:twet", "--output", str(path))
    assert ran.status == 0
    assert "0 documents match" in ran.err
    assert "did you mean kind:tweet" in ran.err
    assert path.read_text().startswith("record_id,")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--output", "hits.txt"), "--output hits.txt: end the name in .jsonl, .csv, .parquet, .arrow"),
        (("--output", "hits.csv", "--json"), "--json prints, and --output writes to a file"),
        (("--table", "terms"), "--table and --score need --output FILE"),
        (("--score", "complaint"), "--table and --score need --output FILE"),
        (("--output", "hits.csv", "--table", "terms", "--score", "a"), "belongs to the form"),
        (("--output", "nowhere/hits.csv"), "there is no folder nowhere"),
    ],
)
def test_options_that_cannot_be_are_named(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """What is wrong is said before anything is read."""
    ran = run(tmp_path, "search", "refund", *options)
    assert ran.status in (1, 2)
    assert said in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.elasticsearch
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_an_interrupted_run_leaves_the_file_of_before(
    elasticsearch_url: str, request: pytest.FixtureRequest, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C in the midst of reading ends it at once, says so, and leaves what had the name before."""
    path = tmp_path / "hits.csv"
    path.write_text("before")
    asked, ended = threading.Event(), threading.Event()

    def holding(request: Passing) -> Answer:
        if request.path.startswith("/_search") and b'"search_after"' in request.body:
            asked.set()
            ended.wait(60)
        return request.forward()

    for named in store_of("elasticsearch", request):
        prefix = named.partition("#")[2]
        store = open_store(named)
        store.put(RECORDS)
        store.close()
        with proxied(elasticsearch_url) as proxy:
            proxy.fault = holding
            running = spawn(tmp_path, "search", "*", "--output", str(path), "--store", f"{proxy.url}#{prefix}")
            try:
                assert asked.wait(60)
                wait_until((tmp_path / "hits.csv.partial").exists, "it is written")
                running.send_signal(number)
                _, said = running.communicate(timeout=60)
            finally:
                ended.set()
                running.kill()
    assert running.returncode == 130
    assert f"interrupted: {path} is not written" in said
    assert [each.name for each in tmp_path.iterdir()] == ["hits.csv"]
    assert path.read_text() == "before"
