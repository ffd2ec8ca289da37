"""Results in files of every form."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet as pq

from scorelens.v1 import scorer_pb2 as pb
from scorelens_client.bulk.batches import Line, Scored
from scorelens_client.bulk.output import Output
from scorelens_runtime.errors import ScorelensError


def scored(number: int) -> Scored:
    """Return a document that a model of even or of odd rows scored."""
    tag = pb.TagScore(tag=f"tag{number % 2}", title="T", group="g", probability=number / 100, selected=number > 5)
    result = pb.Result(document_id=f'a,"b"\n{number}', model=pb.ModelRef(id="m", version="1"), tags=[tag])
    calculation = pb.DocumentCalculation(tags=[pb.Calculation(tag=tag.tag, margin=number)])
    return Scored(Line(number, b"", pb.Document()), result, calculation)


def written(path: Path, full: bool = False) -> None:
    """Write ten rows over an interruption that had left more than was noted."""
    output = Output(path, full)
    output.open(0)
    output.write([scored(number) for number in range(4)])
    noted = output.position
    output.write([Scored(scored(4).line, reason="refused"), scored(5)])
    output.close()
    output = Output(path, full)
    output.open(noted)
    output.write([scored(number) for number in range(4, 10)])
    output.finish()
    output.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def rows(path: Path) -> list[dict[str, Any]]:
    """Read a table of results."""
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("form", "number", "none"), [("csv", str, ""), ("parquet", lambda value: value, None)])
def test_tables_have_a_column_per_tag(form: str, number: Any, none: str | None, tmp_path: Path) -> None:
    """Each document is one row with the probability of every tag of its model, however names are spelled."""
    path = tmp_path / f"results.{form}"
    written(path)
    found = rows(path)
    assert [row["line"] for row in found] == [number(line) for line in range(10)]
    assert [row["document_id"] for row in found] == [f'a,"b"\n{line}' for line in range(10)]
    assert [row["probability.tag1"] for row in found][:4] == [none, number(0.01), none, number(0.03)]
    assert found[9]["selected"] == ("tag1" if form == "csv" else ["tag1"])
    assert (found[0]["selected"], found[0]["model"], found[0]["version"]) == ("" if form == "csv" else [], "m", "1")


def test_json_lines_are_what_json_prints(tmp_path: Path) -> None:
    """With --full the calculations stand beside the tags."""
    written(tmp_path / "results.jsonl", full=True)
    found = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [row["line"] for row in found] == list(range(10))
    assert found[7]["tags"] == [{"tag": "tag1", "title": "T", "group": "g", "probability": 0.07, "selected": True}]
    assert found[7]["calculation"][0]["margin"] == 7


def test_results_that_went_away_are_not_gone_on_with(tmp_path: Path) -> None:
    """Where less is there than was noted, it is said what to do."""
    output = Output(tmp_path / "results.csv")
    with pytest.raises(ScorelensError, match="--restart"):
        output.open(10)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_results_that_no_file_can_be_made_of_are_kept(form: str, tmp_path: Path) -> None:
    """Where the last step fails, it is said where the results are, and the next run makes the file of them."""
    path = tmp_path / f"results.{form}"
    output = Output(path)
    output.open(0)
    output.write([scored(number) for number in range(4)])
    path.mkdir()
    with pytest.raises(ScorelensError, match=f"cannot write .*--output.*kept in .*results.{form}.partial"):
        output.finish()
    output.close()
    path.rmdir()
    assert list(tmp_path.iterdir()) == [output.partial]
    output = Output(path)
    output.open(output.partial.stat().st_size)
    output.finish()
    output.close()
    assert list(tmp_path.iterdir()) == [path]


def test_one_run_at_a_time_writes_to_a_file(tmp_path: Path) -> None:
    """A second run with the same file of results is refused before it spoils what the first one wrote."""
    first = Output(tmp_path / "results.csv")
    first.open(0)
    first.write([scored(1)])
    with pytest.raises(ScorelensError, match=r"results\.csv\.partial \(--output\) is being written by another run"):
        Output(tmp_path / "results.csv").open(0)
    first.finish()
    first.close()
    assert [row["line"] for row in rows(tmp_path / "results.csv")] == ["1"]
