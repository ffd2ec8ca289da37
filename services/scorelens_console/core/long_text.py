"""Long texts in parts, so that a page stays small, and the passages of a text that match a query (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from scorelens_store.highlight import BEGIN, END, spans_in
from scorelens_store.query.tree import Node

PART: Final = 15_000
"""Characters of a part, at most."""
PASSAGES: Final = 20
_AROUND: Final = 90
_MARKS: Final = str.maketrans({BEGIN: " ", END: " "})
_TEXT: Final = "document.text"


@dataclass(frozen=True)
class Part:
    """A part of a text, counted from 1, and how many parts the text has."""

    text: str
    number: int
    count: int
    start: int


@dataclass(frozen=True)
class Passage:
    """Where a query's words stand in a text: a snippet with them between BEGIN and END, and the part it is in."""

    snippet: str
    part: int


def part_of(text: str, number: int) -> Part:
    """Return a part of a text; the nearest one for a number that it has not."""
    edges = list(_edges(text))
    at = min(max(number, 1), len(edges) - 1)
    return Part(text[edges[at - 1] : edges[at]], at, len(edges) - 1, edges[at - 1])


def passages_of(query: Node, text: str, most: int = PASSAGES) -> list[Passage]:
    """Return the first passages that match, reading no further than needed."""
    edges = list(_edges(text))
    found: list[Passage] = []
    for spans in islice(_groups(spans_in(query, _TEXT, text)), most):
        number = next(place for place, edge in enumerate(edges) if edge > spans[0][0])
        found.append(Passage(_snippet(text, spans), number))
    return found


def _edges(text: str) -> Iterator[int]:
    at = 0
    yield at
    while len(text) - at > PART:
        # Between words where one ends near.
        space = text.rfind(" ", at + PART // 2, at + PART)
        at = at + PART if space < 0 else space + 1
        yield at
    yield len(text)


def _groups(spans: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    group: list[tuple[int, int]] = []
    for span in spans:
        if group and span[1] - group[0][0] > _AROUND:
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _snippet(text: str, spans: list[tuple[int, int]]) -> str:
    first, last = max(0, spans[0][0] - _AROUND), min(len(text), spans[-1][1] + _AROUND)
    parts, at = [], first
    for start, end in spans:
        parts += [text[at:start].translate(_MARKS), BEGIN, text[start:end].translate(_MARKS), END]
        at = end
    before, after = "… " if first else "", " …" if last < len(text) else ""
    return f"{before}{''.join(parts)}{text[at:last].translate(_MARKS)}{after}"
