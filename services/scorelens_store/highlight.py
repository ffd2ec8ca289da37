"""Where a query's words stand in a record: snippets for people, the same from every store."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Final

from scorelens_store.contract import Record
from scorelens_store.fields import Type
from scorelens_store.query.analysis import analyse, prepare
from scorelens_store.query.patterns import edits, longest_part, phrases, positions, wildcard
from scorelens_store.query.tree import All, Any, Boost, Equals, Fuzzy, Node, Phrase, Wildcard

BEGIN: Final = "\u0002"
END: Final = "\u0003"

SNIPPETS: Final = 3
"""Snippets per field."""
WIDTH: Final = 160
"""Characters of a snippet, about; texts of twice as many are shown whole."""

LOOKED_AT: Final = 1_000_000
"""Characters of a field that are taken apart at most; what surely has none of the words is passed over."""

_OF_A_WORD: Final = 5
"""Characters that a word counts as at least, since a text of ideographs or emoji has a word for each."""

_CHUNK: Final = 50_000
_SIGMA: Final = "\u03c3"
_Span = tuple[int, int]


def highlight(query: Node, record: Record) -> dict[str, list[str]]:
    """Return, by text field, snippets with the query's words between BEGIN and END; fields without any are left out.

    It never fails, whatever a text holds, and gives up where looking on would take long (LOOKED_AT).
    """
    found = {}
    for name, wanted in _wanted(query).items():
        texts = (text for text in _texts(record, name) if wanted.room > 0)
        snippets = list(islice(chain.from_iterable(_snippets(text, wanted) for text in texts), SNIPPETS))
        if snippets:
            found[name] = snippets
    return found


def spans_in(query: Node, name: str, text: str) -> Iterator[_Span]:
    """Yield where a query's words for one field stand in a text, in characters, reading no further than asked."""
    wanted = _wanted(query, math.inf).get(name)
    return _spans(_unmarked(text), wanted) if wanted else iter(())


@dataclass
class _Wanted:
    """What to mark in one field, and in how many more characters to look for it."""

    room: float
    words: set[str] = field(default_factory=set)
    phrases: list[Phrase] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    near: list[tuple[str, int]] = field(default_factory=list)
    known: dict[str, bool] = field(default_factory=dict)

    def spans(self, text: str) -> list[_Span]:
        """Return where it stands in a text."""
        tokens = analyse(text)
        self.room -= max(len(text), _OF_A_WORD * len(tokens))
        places = positions((token.word for token in tokens), self._sought)
        marked = {place for word, there in places.items() if self._is_wanted(word) for place in there}
        for phrase in self.phrases:
            marked.update(chain.from_iterable(phrases(places, phrase.words, phrase.slop)))
        return [(tokens[at].start, tokens[at].end) for at in sorted(marked)]

    def runs(self, text: str) -> Iterator[_Span]:
        """Yield the parts of a text that are worth taking apart, which takes much longer than to look for characters.

        Words hold no blanks, so that what stands between two of them tells of a word what the whole text does.
        """
        parts = {*self.words, *(phrase.words[0] for phrase in self.phrases), *map(longest_part, self.patterns)}
        if (
            self.near or "" in parts or any(_SIGMA in part for part in parts)
        ):  # whose lower case depends on what follows
            yield 0, len(text)
            return
        lowered = prepare(text).lower()
        if self.phrases or self.patterns:
            yield from ((0, len(text)),) if any(part in lowered for part in parts) else ()
            return
        end = 0
        for match in re.finditer("|".join(map(re.escape, parts)), lowered):
            if match.start() >= end:
                start, end = lowered.rfind(" ", end, match.start()) + 1 or end, lowered.find(" ", match.end())
                end = len(text) if end < 0 else end
                yield start, end

    @cached_property
    def _sought(self) -> frozenset[str] | None:
        """Return the words that matter, None where only a look at each tells."""
        if self.patterns or self.near:
            return None
        return frozenset(self.words).union(*(phrase.words for phrase in self.phrases))

    def _is_wanted(self, word: str) -> bool:
        if word in self.words:
            return True
        if not self.patterns and not self.near:
            return False
        if word not in self.known:
            self.known[word] = any(wildcard(pattern).fullmatch(word) for pattern in self.patterns) or any(
                edits(word, other, distance) <= distance for other, distance in self.near
            )
        return self.known[word]


def _wanted(query: Node, room: float = LOOKED_AT) -> dict[str, _Wanted]:
    wanted: dict[str, _Wanted] = {}
    for leaf in _leaves(query):
        if leaf.field.type is not Type.TEXT:
            continue
        here = wanted.setdefault(leaf.field.name, _Wanted(room))
        match leaf:
            case Equals(value=value):
                here.words.add(str(value))
            case Phrase():
                here.phrases.append(leaf)
            case Wildcard(pattern=pattern):
                here.patterns.append(pattern)
            case Fuzzy(word=word, distance=distance):
                here.near.append((word, distance))
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


def _snippets(text: str, wanted: _Wanted) -> Iterator[str]:
    text = _unmarked(text)
    if len(text) <= 2 * WIDTH:
        spans = list(_spans(text, wanted))
        yield from (_marked(text, spans, 0, len(text)),) if spans else ()
        return
    for spans in _groups(text, wanted):
        yield _marked(text, spans, *_window(text, spans))


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
    while at < len(text) and wanted.room > 0:
        end = _chunk_end(text, at)
        for start, stop in wanted.runs(text[at:end]):
            found = wanted.spans(text[at + start : at + stop])
            yield from ((at + start + first, at + start + last) for first, last in found)
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


def _unmarked(text: str) -> str:
    """Take out what would be mistaken for a mark, and what no analysis reads; the text keeps its length."""
    text = text.replace(BEGIN, " ").replace(END, " ")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
