"""Which call scored which rows, so that it can be looked up by its trace after nobody waited for the answer.

A call's trace id follows from the run, the row of its first document and the number of its documents. A batch that must
be made smaller is always halved at the same place, so all calls that it may have become can be told later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

SAMPLED = "01"


def trace_id(run: str, first: int, count: int) -> str:
    """Return the 32 hexadecimal digits of a call's trace."""
    return hashlib.sha256(f"{run}/{first}/{count}".encode()).hexdigest()[:32]


def traceparent(run: str, first: int, count: int) -> str:
    """Return a call's W3C traceparent."""
    trace = trace_id(run, first, count)
    span = hashlib.sha256(trace.encode()).hexdigest()[:16]
    return f"00-{trace}-{span}-{SAMPLED}"


def halves(count: int) -> int:
    """Return how many documents the first half of a batch has."""
    return count // 2


def pieces(start: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield start and count of a batch and of all that it may be halved into, the larger first."""
    level = [(start, count)]
    while level:
        yield from level
        level = [
            part
            for first, size in level
            if size > 1
            for part in ((first, halves(size)), (first + halves(size), size - halves(size)))
        ]
