"""Which words mark some records against others, the same in every store.

The two sides are kept apart: the others are without the records that are asked about. A word's share is the part of a
side's records that have it. Its score is JLH, which Elasticsearch and Kibana rank by: (share - share of the others) *
share / share of the others, where what none of the others has counts as in one of them. Words whose shares could differ
by chance are left out, by Dunning's log-likelihood ratio: they would hide those that mean something.

Counts are exact, of all records. Which words of texts are counted is found in a sample of either side, the records with
the least ids: ids are hashes, so that it is a fair sample, and the same one every time and in every store.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from scorelens_store.contract import Selection, SignificantWord, SignificantWords
from scorelens_store.errors import QueryError
from scorelens_store.fields import DEFAULT_FIELDS, FIELDS, Field, Type, find_field
from scorelens_store.query.analysis import distinct_words
from scorelens_store.query.tree import All, Any, Equals, Everything, Node, Not, fields_of
from scorelens_store.selection import complete

EXAMINED: Final = 5_000
"""Most records of a side whose texts are read."""

CHARACTERS: Final = 5_000_000
"""Characters of a side's texts that are read, about; fewer records are examined where texts are long."""

LONGEST: Final = 20_000
"""Characters of one text that words are looked for in."""

VALUES: Final = 10_000
"""Values of a keyword field that are compared, the most frequent ones."""

MOST: Final = 1_000
"""Words that can be asked for."""

CHANCE: Final = 10.828
"""The log-likelihood ratio that chance alone reaches once in a thousand times (chi squared, one degree of freedom)."""

_BESIDES: Final = 50
"""Words that are counted besides those asked for: a sample does not put them in quite the same order."""


class Source(Protocol):
    """What a store finds words with."""

    def counts(self, node: Node, words: Sequence[Node]) -> tuple[int, Sequence[int]]:
        """Return how many records match a query, and how many of them each of some others."""
        ...

    def texts(self, node: Node, fields: Sequence[Field], most: int) -> Iterator[Sequence[str]]:
        """Yield the texts of each of the first so many matches in the order of their ids."""
        ...

    def values(self, node: Node, field: Field, least: int, most: int) -> Mapping[str, int]:
        """Return the most frequent values that at least so many records have, and how many have them."""
        ...

    def values_among(self, node: Node, field: Field, values: Sequence[str]) -> Mapping[str, int]:
        """Return how many records have each of some values; those that none has may be missing."""
        ...


@dataclass(frozen=True)
class Question:
    """What is asked for: words of one field, or of all that a query without a field looks into."""

    mine: Node
    others: Node
    field: Field | None
    limit: int
    least: int

    @property
    def fields(self) -> tuple[Field, ...]:
        """Return the fields that the words are in."""
        return tuple(FIELDS[name] for name in DEFAULT_FIELDS) if self.field is None else (self.field,)

    @property
    def is_text(self) -> bool:
        """Tell whether words of texts are asked for, rather than values of a keyword field."""
        return self.fields[0].type is Type.TEXT

    def node(self, word: str) -> Node:
        """Return the query for the records that have a word."""
        parts = tuple(Equals(field, word) for field in self.fields)
        return parts[0] if len(parts) == 1 else Any(parts)


@dataclass(frozen=True)
class Side:
    """How many records of a side have each word, as far as `examined` of them tell."""

    words: Mapping[str, int]
    examined: int


def question(selection: Selection, against: Selection | None, field: str, limit: int, least: int) -> Question:
    """Read what is asked for. Raises QueryError where it cannot be answered."""
    if not 1 <= limit <= MOST:
        raise QueryError(f"the limit of words is from 1 to {MOST:,}, not {limit:,}")
    if least < 1:
        raise QueryError(f"a word is in at least 1 record, not {least:,}")
    found = find_field(field) if field else None
    if field and found is None:
        raise QueryError(f"there is no field {field!r}")
    if found is not None and found.type not in (Type.TEXT, Type.KEYWORD):
        raise QueryError(f"{found.name} is of type {found.type}; words are found in texts and keywords")
    mine, others = complete(selection), complete(_everything_beside(selection) if against is None else against)
    return Question(mine, All((others, Not(mine))), found, limit, least)


def answer(asked: Question, source: Source) -> SignificantWords:
    """Find the words that may be marks, count them in all records, and return those that are."""
    total, _ = source.counts(asked.mine, ())
    others, _ = source.counts(asked.others, ())
    if not total or not others:
        return SignificantWords(total, others, 0, 0, ())
    mine, other = _sampled(asked, source, total) if asked.is_text else _valued(asked, source, total, others)
    words = candidates(asked, mine, other)
    if not words:
        return SignificantWords(total, others, mine.examined, other.examined, ())
    nodes = [asked.node(word) for word in words]
    total, counts = source.counts(asked.mine, nodes)
    others, other_counts = source.counts(asked.others, nodes)
    marks = [
        SignificantWord(word, count, other_count, jlh(count, total, other_count, others))
        for word, count, other_count in zip(words, counts, other_counts, strict=True)
        if count >= asked.least and is_mark(count, total, other_count, others)
    ]
    marks.sort(key=lambda one: (-one.score, one.word))
    return SignificantWords(total, others, mine.examined, other.examined, marks[: asked.limit])


def candidates(asked: Question, mine: Side, others: Side) -> list[str]:
    """Return the words that are worth counting, the likeliest first."""
    shares = {
        word: (count, mine.examined, others.words.get(word, 0), others.examined) for word, count in mine.words.items()
    }
    scores = {word: jlh(*counts) for word, counts in shares.items() if is_mark(*counts)}
    return sorted(scores, key=lambda word: (-scores[word], word))[: asked.limit + _BESIDES]


def jlh(count: int, total: int, other_count: int, others: int) -> float:
    """Return how much a word marks records that are `total` against so many others; 0 where it does not."""
    if not total or not others:
        return 0.0
    share, other_share = count / total, max(1, other_count) / others
    return max(0.0, share - other_share) * share / other_share


def is_mark(count: int, total: int, other_count: int, others: int) -> bool:
    """Tell whether a word is more frequent than among the others, and more so than chance would have it."""
    more = jlh(count, total, other_count, others) > 0
    return more and log_likelihood_ratio(count, total, other_count, others) >= CHANCE


def log_likelihood_ratio(count: int, total: int, other_count: int, others: int) -> float:
    """Return Dunning's ratio: twice how much better two shares explain two counts than a common share does."""
    both = (count + other_count) / (total + others)
    apart = _log_likelihood(count, total, count / total) + _log_likelihood(other_count, others, other_count / others)
    return 2 * (apart - _log_likelihood(count, total, both) - _log_likelihood(other_count, others, both))


def _log_likelihood(count: int, total: int, share: float) -> float:
    # Where records come in meanwhile, a value may be counted in more of them than there were a moment before.
    rest = total - count
    have = count * math.log(share) if count > 0 else 0.0
    return have + (rest * math.log(1 - share) if rest > 0 and share < 1 else 0.0)


def _sampled(asked: Question, source: Source, total: int) -> tuple[Side, Side]:
    mine = _read(source, asked.mine, asked.fields)
    # What is rarer in all records is rarer in a sample, give or take.
    least = asked.least * mine.examined / total / (1 if mine.examined == total else 2)
    frequent = {word: count for word, count in mine.words.items() if count >= least}
    return replace(mine, words=frequent), _read(source, asked.others, asked.fields)


def _read(source: Source, node: Node, fields: Sequence[Field]) -> Side:
    words: Counter[str] = Counter()
    examined = characters = 0
    for texts in source.texts(node, fields, EXAMINED):
        beginnings = [text[:LONGEST] for text in texts]
        words.update(set().union(*map(distinct_words, beginnings)))
        examined += 1
        characters += sum(map(len, beginnings))
        if characters >= CHARACTERS:
            break
    return Side(words, examined)


def _valued(asked: Question, source: Source, total: int, others: int) -> tuple[Side, Side]:
    field = asked.fields[0]
    values = source.values(asked.mine, field, asked.least, VALUES)
    among = source.values_among(asked.others, field, list(values)) if values else {}
    return Side(values, total), Side(among, others)


def _everything_beside(selection: Selection) -> Selection:
    named = set(fields_of(selection.query))
    purposes = () if "purpose" in named else selection.purposes
    return replace(selection, query=Everything(), purposes=purposes, calls=selection.calls or "record.type" in named)
