"""Lines of a file of documents, in batches."""

from __future__ import annotations

from io import BytesIO

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.batches import Line, batches
from scorelens_client.lines import read_lines


def test_bad_lines_are_told_and_the_others_go_on() -> None:
    """A bad line has its number counted in the file, blank lines and the byte order mark included."""
    rejected: list[tuple[int, bytes, str, str]] = []
    content = b'\xef\xbb\xbf{"id": "1"}\n\n{"id": \r\n{"id": "2", "text": 3}\n{"id": "3"}'
    good = list(read_lines(BytesIO(content), lambda *bad: rejected.append(bad)))
    assert [(line.number, line.document.id) for line in good] == [(1, "1"), (5, "3")]
    assert [(number, source, field) for number, source, field, _ in rejected] == [
        (3, b'{"id": ', ""),
        (4, b'{"id": "2", "text": 3}', "text"),
    ]


def test_a_line_without_end_is_not_held_in_memory() -> None:
    """A line over the limit is told with its beginning, and the next one is read."""
    rejected: list[int] = []
    content = b'{"text": "' + b"x" * 50_000 + b'"}\n{"id": "2"}\n'
    good = list(read_lines(BytesIO(content), lambda number, *_: rejected.append(number), longest=1000))
    assert rejected == [1]
    assert [(line.number, line.document.id) for line in good] == [(2, "2")]


def test_batches_keep_to_both_limits() -> None:
    """A batch holds at most so many documents and bytes; a document over the limit goes alone."""
    sizes = [10, 10, 10, 500, 10, 90, 90]
    lines = [Line(number, b"", Document(text="x" * size)) for number, size in enumerate(sizes)]
    grouped = [[line.number for line in batch] for batch in batches(lines, most=2, most_bytes=150)]
    assert grouped == [[0, 1], [2], [3], [4, 5], [6]]
