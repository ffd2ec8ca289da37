"""Lines of a file of documents: read one by one, good ones on, bad ones to where they are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from scorelens_client.batches import Line
from scorelens_documents.documents import read_line
from scorelens_documents.errors import DocumentError

LONGEST_LINE = 128 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Reject = Callable[[int, bytes, str, str], None]
"""Is told a line's number (from 1), its bytes (maybe only their start), the field at fault, and the reason."""


def read_lines(file: BinaryIO, reject: Reject, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """Yield the documents of a file, one line in memory at a time; blank lines are skipped."""
    for number, source, whole in _raw_lines(file, longest):
        content = source.removeprefix(BYTE_ORDER_MARK) if number == 1 else source
        if not whole:
            reject(number, source[:1000], "", f"the line is longer than {longest // 2**20} MiB")
            continue
        if not content.strip():
            continue
        try:
            yield Line(number, source, read_line(content))
        except DocumentError as error:
            reject(number, source, error.field, error.reason)


def _raw_lines(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes, bool]]:
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        whole = len(line) <= longest or line.endswith(b"\n")
        yield number, line.rstrip(b"\r\n"), whole
        while not whole and line and not line.endswith(b"\n"):
            line = file.readline(longest)
