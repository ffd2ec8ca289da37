"""Batches of documents for one request each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scorelens.v1.scorer_pb2 import Document


@dataclass(frozen=True)
class Line:
    """A document, the line it came from (counted from 1), and the line itself."""

    number: int
    source: bytes
    document: Document


def batches(lines: Iterable[Line], most: int, most_bytes: int) -> Iterator[list[Line]]:
    """Group lines in order, at most so many and so many bytes together; a larger line goes alone."""
    batch: list[Line] = []
    held = 0
    for line in lines:
        size = line.document.ByteSize() + 6
        if batch and (len(batch) == most or held + size > most_bytes):
            yield batch
            batch, held = [], 0
        batch.append(line)
        held += size
    if batch:
        yield batch
