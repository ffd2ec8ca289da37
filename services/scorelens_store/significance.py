"""Which words mark some records against others, the same in every store.

The score is JLH: (share - background share) * share / background share, where a share is the part of the records that
have the word; what no record of the background has counts as in one of it. Words of the same share have no score.

Counts are exact, of all records. What is counted is looked for in at most about EXAMINED records on either side, those
with the least ids: ids are hashes, so that these are a sample, the same one every time and in every store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scorelens_store.contract import Selection, SignificantWord, SignificantWords
from scorelens_store.errors import QueryError
from scorelens_store.fields import DEFAULT_FIELDS, FIELDS, Field, Type, find_field
from scorelens_store.query.tree import All, Any, Equals, Everything, Node, Range, fields_of
from scorelens_store.selection import complete

EXAMINED: Final = 5_000
"""Records of a side that words are looked for in."""

_COUNTED: Final = 5
"""Words that are counted for each one that is asked for."""

_IDS: Final = 2**32

Counts = Callable[[Node, Sequence[Node]], Sequence[int]]
"""Returns how many records of a query match each of some others."""


@dataclass(frozen=True)
class Side:
    """Records that are compared: all of them, and those that words are looked for in; `share` is how many these are."""

    node: Node
    total: int

    @property
    def share(self) -> float:
        """Return the part of the records that words are looked for in, about."""
        return min(1.0, EXAMINED / max(1, self.total))

    @property
    def least_beyond(self) -> str:
        """Return the beginning of an id that is greater than those of the sample; empty where all are examined."""
        return "" if self.total <= EXAMINED else f"{int(self.share * _IDS):08x}"

    def sample(self) -> Node:
        """Return the query for the records that words are looked for in."""
        bound = self.least_beyond
        return All((self.node, Range(FIELDS["record.id"], None, bound, with_high=False))) if bound else self.node


@dataclass(frozen=True)
class Question:
    """What is asked for: words of one field, or of all that a query without a field looks into."""

    mine: Node
    other: Node
    field: Field | None
    limit: int
    least: int

    @property
    def counted(self) -> int:
        """Return how many words are counted."""
        return max(50, _COUNTED * self.limit)

    def least_in(self, side: Side) -> int:
        """Return how many records of a sample have to have a word that is worth counting."""
        return max(1, int(self.least * side.share / 2) if side.share < 1 else self.least)

    def fields(self) -> tuple[Field, ...]:
        """Return the fields that the words are in."""
        return tuple(FIELDS[name] for name in DEFAULT_FIELDS) if self.field is None else (self.field,)

    def node(self, word: str) -> Node:
        """Return the query for the records that have a word."""
        parts = tuple(Equals(field, word) for field in self.fields())
        return parts[0] if len(parts) == 1 else Any(parts)

    def answer(self, mine: Side, other: Side, examined: int, words: Iterable[str], counts: Counts) -> SignificantWords:
        """Count words in all records of both sides and return those that are marks of the first."""
        found = sorted(set(words))
        nodes = [self.node(word) for word in found]
        rows = zip(found, counts(mine.node, nodes), counts(other.node, nodes), strict=True) if found else ()
        scored = [
            SignificantWord(word, count, background, jlh(count, mine.total, background, other.total))
            for word, count, background in rows
            if count >= self.least
        ]
        marks = sorted((one for one in scored if one.score > 0), key=lambda one: (-one.score, one.word))
        return SignificantWords(mine.total, other.total, examined, marks[: self.limit])


def question(selection: Selection, against: Selection | None, field: str, limit: int, least: int) -> Question:
    """Read what is asked for. Raises QueryError where it cannot be answered."""
    if limit < 1 or least < 1:
        raise QueryError("the limit of words, and how many records must have one, are at least 1")
    found = find_field(field) if field else None
    if field and found is None:
        raise QueryError(f"there is no field {field!r}")
    if found is not None and found.type not in (Type.TEXT, Type.KEYWORD):
        raise QueryError(f"{found.name} is of type {found.type}; words are found in texts and keywords")
    other = _everything_beside(selection) if against is None else against
    return Question(complete(selection), complete(other), found, limit, least)


def jlh(count: int, total: int, background_count: int, background_total: int) -> float:
    """Return how much a word marks records that are `total` against `background_total` others; 0 where it does not."""
    if not total or not background_total:
        return 0.0
    share, background = count / total, max(1, background_count) / background_total
    return max(0.0, share - background) * share / background


def best(question: Question, mine: Mapping[str, int], total: int, other: Mapping[str, int], others: int) -> list[str]:
    """Return the words that are worth counting, from counts in samples of so many records."""
    scores = {word: jlh(count, total, other.get(word, 0), others) for word, count in mine.items()}
    return sorted(scores, key=lambda word: (-scores[word], -mine[word], word))[: question.counted]


def _everything_beside(selection: Selection) -> Selection:
    named = set(fields_of(selection.query))
    purposes = () if "purpose" in named else selection.purposes
    return replace(selection, query=Everything(), purposes=purposes, calls=selection.calls or "record.type" in named)
