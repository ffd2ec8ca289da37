"""Where a query's words stand in a record: snippets for people, the same from every store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from scorelens_store.contract import Record
from scorelens_store.fields import Type
from scorelens_store.query.analysis import Token, analyse, prepare
from scorelens_store.query.tree import All, Any, Boost, Equals, Fuzzy, Node, Phrase, Wildcard

BEGIN: Final = "\u0002"
END: Final = "\u0003"

SNIPPETS: Final = 3
"""Snippets per field."""
WIDTH: Final = 160
"""Characters of a snippet, about; texts of twice as many are shown whole."""

_CHUNK: Final = 50_000
_SIGMA: Final = "\u03c3"
_MARKS: Final = str.maketrans({BEGIN: " ", END: " "})
_Span = tuple[int, int]


def highlight(query: Node, record: Record) -> dict[str, list[str]]:
    """Return, by text field, snippets with the query's words between BEGIN and END; fields without any are left out."""
    found = {}
    for name, wanted in _wanted(query).items():
        snippets = [snippet for text in _texts(record, name) for snippet in _snippets(text, wanted)]
        if snippets:
            found[name] = snippets[:SNIPPETS]
    return found


def spans_in(query: Node, name: str, text: str) -> Iterator[_Span]:
    """Yield where a query's words for one field stand in a text, in characters, reading no further than asked."""
    wanted = _wanted(query).get(name)
    return _spans(text.translate(_MARKS), wanted) if wanted else iter(())


@dataclass
class _Wanted:
    """What to mark in one field."""

    words: set[str]
    phrases: list[Phrase]
    tests: list[Callable[[str], bool]]

    def spans(self, tokens: Sequence[Token]) -> list[_Span]:
        marked = {at for at, token in enumerate(tokens) if self._is_wanted(token.word)}
        for phrase in self.phrases:
            marked.update(_phrase_positions(phrase, tokens))
        return [(tokens[at].start, tokens[at].end) for at in sorted(marked)]

    def may_be_in(self, text: str) -> bool:
        """Tell whether it is worth taking a text apart, which takes much longer than to look for characters."""
        first = self.words | {phrase.words[0] for phrase in self.phrases}
        if self.tests or any(_SIGMA in word for word in first):  # whose lower case depends on what follows
            return True
        lowered = prepare(text).lower()
        return any(word in lowered for word in first)

    def _is_wanted(self, word: str) -> bool:
        return word in self.words or any(test(word) for test in self.tests)


def _wanted(query: Node) -> dict[str, _Wanted]:
    wanted: dict[str, _Wanted] = {}
    for leaf in _leaves(query):
        if leaf.field.type is not Type.TEXT:
            continue
        here = wanted.setdefault(leaf.field.name, _Wanted(set(), [], []))
        match leaf:
            case Equals(value=value):
                here.words.add(str(value))
            case Phrase():
                here.phrases.append(leaf)
            case Wildcard(pattern=pattern):
                here.tests.append(_wildcard(pattern))
            case Fuzzy(word=word, distance=distance):
                here.tests.append(_fuzzy(word, distance))
    return wanted


def _leaves(node: Node) -> Iterator[Equals | Phrase | Wildcard | Fuzzy]:
    match node:
        case All(parts) | Any(parts):
            for part in parts:
                yield from _leaves(part)
        case Boost(part):
            yield from _leaves(part)
        case Equals() | Phrase() | Wildcard() | Fuzzy():
            yield node


def _texts(record: Record, name: str) -> list[str]:
    value: object = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def _snippets(text: str, wanted: _Wanted) -> list[str]:
    text = text.translate(_MARKS)
    groups = list(islice(_groups(text, wanted), SNIPPETS))
    if groups and len(text) <= 2 * WIDTH:
        spans = wanted.spans(analyse(text))
        return [_marked(text, spans, 0, len(text))]
    return [_marked(text, spans, *_window(text, spans)) for spans in groups]


def _groups(text: str, wanted: _Wanted) -> Iterator[list[_Span]]:
    """Yield spans that fit into one snippet, reading no further than asked."""
    group: list[_Span] = []
    for span in _spans(text, wanted):
        if group and span[1] - group[0][0] > WIDTH * 3 // 4:
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _spans(text: str, wanted: _Wanted) -> Iterator[_Span]:
    at = 0
    while at < len(text):
        end = _chunk_end(text, at)
        if wanted.may_be_in(text[at:end]):
            yield from ((at + start, at + stop) for start, stop in wanted.spans(analyse(text[at:end])))
        at = end


def _chunk_end(text: str, at: int) -> int:
    end = at + _CHUNK
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", at + _CHUNK // 2, end)
    return end if space < 0 else space


def _window(text: str, spans: list[_Span]) -> _Span:
    first, last = spans[0][0], spans[-1][1]
    room = max(0, WIDTH - (last - first)) // 2
    start, end = max(0, first - room), min(len(text), last + room)
    # Snippets begin and end between words where a space is near.
    space = text.find(" ", start, first)
    if start and space >= 0:
        start = space + 1
    space = text.rfind(" ", last, end)
    return start, (space if end < len(text) and space >= 0 else end)


def _marked(text: str, spans: list[_Span], start: int, end: int) -> str:
    parts: list[str] = []
    at = start
    for first, last in spans:
        parts.extend((text[at:first], BEGIN, text[first:last], END))
        at = last
    return "".join((*parts, text[at:end]))


def _phrase_positions(phrase: Phrase, tokens: Sequence[Token]) -> Iterator[int]:
    length = len(phrase.words)
    for at, token in enumerate(tokens):
        if token.word != phrase.words[0]:
            continue
        found = _continued(phrase, tokens, at)
        if found is not None:
            yield from (at, *found) if length > 1 else (at,)


def _continued(phrase: Phrase, tokens: Sequence[Token], at: int) -> tuple[int, ...] | None:
    window = [token.word for token in tokens[at : at + len(phrase.words) + phrase.slop]]
    found, position = [], 0
    for word in phrase.words[1:]:
        try:
            position = window.index(word, position + 1)
        except ValueError:
            return None
        found.append(at + position)
    return tuple(found)


def _wildcard(pattern: str) -> Callable[[str], bool]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs.get(part) or re.escape(part[-1]) for part in parts)
    compiled = re.compile(re.sub(r"(?:\.\*)+", ".*", expression) if "\\" not in expression else expression, re.DOTALL)
    return lambda word: compiled.fullmatch(word) is not None


def _fuzzy(word: str, distance: int) -> Callable[[str], bool]:
    return lambda other: abs(len(word) - len(other)) <= distance and edits(word, other) <= distance


def edits(first: str, second: str) -> int:
    """Return how many characters have to be added, removed, replaced or swapped with their neighbour."""
    rows = [list(range(len(second) + 1))]
    for i, sign in enumerate(first, 1):
        row = [i]
        for j, other in enumerate(second, 1):
            least = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (sign != other))
            if i > 1 and j > 1 and sign == second[j - 2] and first[i - 2] == other:
                least = min(least, rows[-2][j - 2] + 1)
            row.append(least)
        rows.append(row)
    return rows[-1][-1]
