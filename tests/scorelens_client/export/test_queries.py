"""The queries of docs/queries on an export of what a real system scored."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from scorelens_store.contract import Bucket, Record, Selection, Terms
from scorelens_store.open import open_reader
from scorelens_store.query.parse import parse
from tests.scorelens_client.system import RunningSystem

DOCS = Path(__file__).parents[3] / "docs"
QUERIES = sorted((DOCS / "queries").glob("*.sql"))
CORPUS = [sys.executable, "-m", "scorelens_scorer.corpus", "--count", "240"]


@dataclass
class Exported:
    """An export, the records that the store has, and how often it gave each tag."""

    folder: Path
    records: list[Record]
    tags: dict[str, int]

    def query(self, name: str, **variables: str) -> list[dict[str, Any]]:
        """Run a query of the documents as a person does; return its rows."""
        with duckdb.connect() as connection:
            for variable, value in {"folder": str(self.folder), **variables}.items():
                connection.execute(f"SET VARIABLE {variable} = '{value}'")
            result = connection.execute((DOCS / "queries" / f"{name}.sql").read_text())
            columns = [column[0] for column in result.description]
            return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """Score a corpus, some of it as a test that queries leave out, and export all of it."""
    folder = tmp_path_factory.mktemp("queries")
    corpus = subprocess.run(CORPUS, capture_output=True, text=True, check=True).stdout
    system = RunningSystem(folder / "home").start()
    try:
        assert system.run("score", "-", given=corpus).status == 0
        assert system.run("score", "-", "--purpose", "test", given="".join(corpus.splitlines(True)[:20])).status == 0
        system.settle()
        done = system.run("export", str(folder / "out"), "--purpose", "all", "--json")
        assert json.loads(done.out)["exported"] == 260, done.err
    finally:
        system.stop()
    reader = open_reader(folder / "home" / "store")
    selection = Selection(parse("*"))
    buckets = reader.aggregate(selection, {"tags": Terms("tags", 100)})["tags"]
    tags = {str(one.key): one.count for one in buckets if isinstance(one, Bucket)}
    yield Exported(folder / "out", list(reader.scan(selection)), tags)
    reader.close()


def test_score_patterns(exported: Exported) -> None:
    """Documents, selected ones and means are those of the store, per day and tag."""
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in exported.records:
        for tag, score in record["score"].items():
            scores[record["@timestamp"][:10], tag].append(score)
    rows = exported.query("score_patterns")
    assert {(str(row["date"]), row["tag"]): row["documents"] for row in rows} == {
        key: len(some) for key, some in scores.items()
    }
    selected: dict[str, int] = defaultdict(int)
    for row in rows:
        some = scores[str(row["date"]), row["tag"]]
        assert row["mean"] == pytest.approx(sum(some) / len(some), abs=6e-4)
        assert len(row["from 0 to 1"]) == 10
        selected[row["tag"]] += row["selected"]
    assert {tag: count for tag, count in selected.items() if count} == exported.tags


def test_driving_terms(exported: Exported) -> None:
    """Sums of contributions are those of the records, split by whether the tag was selected."""
    sums: dict[tuple[str, bool], float] = defaultdict(float)
    counts: dict[tuple[str, bool], int] = defaultdict(int)
    for record in exported.records:
        for one in record.get("calculation", ()):
            if one["tag"] == "complaint":
                for feature, contribution in zip(one["feature"], one["contribution"], strict=True):
                    sums[feature, one["selected"]] += contribution
                    counts[feature, one["selected"]] += 1
    rows = exported.query("driving_terms", tag="complaint")
    assert len(rows) == 30
    for row in rows:
        assert row["sum"] == pytest.approx(sums[row["feature"], True], abs=6e-4)
        assert row["sum of others"] == pytest.approx(sums[row["feature"], False], abs=6e-4)
        assert (row["selected"], row["others"]) == (counts[row["feature"], True], counts[row["feature"], False])
    drives = [abs(row["drives"]) for row in rows]
    assert drives == sorted(drives, reverse=True)
    everything = exported.query("driving_terms")
    assert {row["tag"] for row in everything} >= set(exported.tags)
    assert len(everything) <= 10 * len({row["tag"] for row in everything})


def test_threshold_volume(exported: Exported) -> None:
    """Each threshold selects as many documents as score so high; the one in force selects those with the tag."""
    scores = [record["score"]["complaint"] for record in exported.records if "complaint" in record["score"]]
    rows = exported.query("threshold_volume", tag="complaint")
    assert len(rows) == 20
    for row in rows:
        if row["in force"]:
            assert row["selected"] == exported.tags["complaint"]
            assert row["against today"] == 0
        else:
            assert row["selected"] == sum(score >= row["threshold"] for score in scores)
            assert row["selected %"] == pytest.approx(100 * row["selected"] / len(scores), abs=0.006)
    assert {row["tag"] for row in exported.query("threshold_volume")} >= set(exported.tags)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_queries_are_explained(path: Path) -> None:
    """Each query says how it is run, and the page on exports names it."""
    assert re.search(r"^-- +duckdb -c .*SET VARIABLE folder", path.read_text(), re.MULTILINE)
    assert f"queries/{path.name}" in (DOCS / "export.md").read_text()
