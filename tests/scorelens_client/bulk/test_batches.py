"""Rows in batches."""

from __future__ import annotations

from pathlib import Path

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.bulk.batches import Batch, Batcher, Line, divide
from scorelens_documents.rows import open_rows


def test_batches_keep_to_both_limits() -> None:
    """A batch holds at most so many documents and bytes; a document over the limit goes alone."""
    sizes = [10, 10, 10, 500, 10, 90, 90]
    lines = [Line(number, b"", Document(text="x" * size)) for number, size in enumerate(sizes)]
    batcher = divide(lines)
    grouped = []
    while batch := batcher.take(2, 150):
        grouped.append([line.number for line in batch.lines])
    assert grouped == [[0, 1], [2], [3], [4, 5], [6]]


def read(path: Path, after: int, sizes: list[int], until: int | None = None) -> list[Batch]:
    """Take batches of the given sizes from a file."""
    batcher = Batcher()
    with open_rows(str(path), reject=batcher.reject, after=after) as rows:
        batcher.feed(iter(rows), lambda: rows.read)
        return [batch for size in sizes if (batch := batcher.take(size, until=until))]


def test_bad_rows_stay_at_their_place(tmp_path: Path) -> None:
    """What the reader and the fields refuse belongs to the batch of the rows around it, and can be gone back to."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": "1"}\nno json\n{"id": "3", "text": 5}\n{"id": "4"}\n[]\n{"id": "6"}\nend\n')
    first, second, third = read(path, 0, [1, 1, 9])
    assert ([line.number for line in first.lines], first.last) == ([1], 1)
    assert ([bad.number for bad in second.bad], [line.number for line in second.lines]) == ([2, 3], [4])
    assert ([bad.number for bad in third.bad], third.last) == ([5, 7], 7)
    assert [bad.field for bad in second.bad] == ["", "text"]
    assert [batch.last for batch in read(path, 1, [9], until=4)] == [4]
    assert read(path, 4, [9]) == [third]
