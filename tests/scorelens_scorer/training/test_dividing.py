"""Which part of a file is learned from, calibrates, and is held out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from scorelens_scorer.training.own.dividing import ASIDE, HELD_OUT, LEARN, divide, learnable
from scorelens_scorer.training.own.labels import parse
from scorelens_scorer.training.own.reading import Labelled, Wanted, read
from tests.scorelens_scorer.training.files import jsonl, rows


def labelled(path: Path, values: list[dict[str, Any]], **wanted: Any) -> Labelled:
    """Read rows that were written as JSONL."""
    columns = {"text": "body"}
    file = jsonl(path / "rows.jsonl", values)
    return read(str(file), Wanted(columns, tuple(parse(["topics"])), **wanted), lambda *_: None)


def test_the_same_text_is_never_in_two_parts(tmp_path: Path) -> None:
    """However a text is spaced, cased and tagged, all its rows are in one part."""
    values = rows(300)
    twins = [{**row, "body": f"  {row['body'].upper()}", "topics": ["other"]} for row in values[:150]]
    found = labelled(tmp_path, values + twins)
    parts = divide(found)
    assert (parts[:150] == parts[300:]).all()
    assert found.counts.duplicates == 150
    assert found.counts.conflicts == 150


def test_a_text_stays_in_its_part_when_the_file_grows(tmp_path: Path) -> None:
    """What was held out once is not learned from by the next version, where no tag is rare."""
    few = divide(labelled(tmp_path, rows(2000)))
    more = divide(labelled(tmp_path, rows(2000) + rows(1000, seed=2)))
    assert (few == more[:2000]).all()


def test_rare_tags_are_in_every_part(tmp_path: Path) -> None:
    """Of twenty texts with a tag, fourteen are learned from, three calibrate and three are held out."""
    values = rows(2000)
    for row in values[::100]:
        row["topics"] = [*row["topics"], "rare"]
    found = labelled(tmp_path, values)
    parts = divide(found)
    having = found.examples.having("rare")
    assert [int((parts[having] == part).sum()) for part in (LEARN, ASIDE, HELD_OUT)] == [14, 3, 3]
    shares = np.bincount(parts) / len(parts)
    assert np.abs(shares - [0.7, 0.15, 0.15]).max() < 0.03


def test_tags_that_cannot_be_learned_are_named(tmp_path: Path) -> None:
    """Too few texts with a tag, or without it, are a reason each."""
    values = [
        {**row, "topics": [*row["topics"], "every", *(["few"] if place < 7 else [])]}
        for place, row in enumerate(rows())
    ]
    found = labelled(tmp_path, values)
    tags, reasons = learnable(found, divide(found))
    assert tags == ["login", "refund"]
    assert reasons == {"few": "7 texts have it, 20 are needed", "every": "every text has it"}


def test_a_sample_does_not_depend_on_the_order(tmp_path: Path) -> None:
    """Of more text than fits, the same rows are kept whatever the order, and the rest is counted."""
    values = rows(3000)
    one = labelled(tmp_path, values, most_text=20_000)
    other = labelled(tmp_path, values[::-1], most_text=20_000)
    assert set(one.identity.tolist()) == set(other.identity.tolist())
    assert one.counts.not_sampled == 3000 - len(one.examples.documents)
    assert 15_000 < sum(len(document.text) for document in one.examples.documents) <= 20_000
    some = labelled(tmp_path, values, most_rows=500)
    assert len(some.examples.documents) == 500
    assert Counter(divide(some).tolist())[LEARN] > 300
