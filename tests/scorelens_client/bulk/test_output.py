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
