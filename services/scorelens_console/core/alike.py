"""Documents like one: which of its words tell most, and the query that finds others by them (pure).

Words are weighed by how often they stand in the document and how few documents have them (TF-IDF); the store then
orders what it finds by relevance. Words that very many documents have are left out: they tell little, and finding by
them is what takes long.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scorelens_store.contract import Record, Selection
from scorelens_store.fields import DEFAULT_FIELDS, FIELDS
from scorelens_store.query.analysis import analyse
from scorelens_store.query.tree import All, Equals, Node, Not
from scorelens_store.query.tree import Any as AnyOf

READ: Final = 5_000
"""Characters of a text in which words are looked for."""
COUNTED: Final = 14
"""Words whose documents are counted."""
USED: Final = 8
"""Words that others are found by, at most."""
FOUND: Final = 8
"""Documents that are shown."""
WIDEST: Final = 50_000
"""Documents that all words together may have, so that finding stays fast."""
_SHORTEST: Final = 3


@dataclass(frozen=True)
class Telling:
    """A word of the document, how often it stands there, and how many documents have it."""

    word: str
    times: int
    documents: int


def candidates(record: Record) -> Mapping[str, int]:
    """Return the words that are worth counting, and how often each stands in the document: long and frequent ones."""
    document = record.get("document") or {}
    texts = [str(document.get("title") or ""), str(document.get("text") or "")[:READ]]
    texts += [str(text or "")[:READ] for text in ((record.get("activity") or {}).get("text") or ())[:100]]
    counts = Counter(token.word for text in texts for token in analyse(text))
    words = [word for word in counts if len(word) >= _SHORTEST or not word.isascii()]
    # Long words are rarer, as a rule, and this one does not ask the store.
    words.sort(key=lambda word: (-min(len(word), 12) * (1 + math.log(counts[word])), word))
    return {word: counts[word] for word in words[:COUNTED]}


def telling(words: Iterable[Telling], total: int) -> list[Telling]:
    """Return the words that tell most, the most telling first; `total` is how many documents there are."""
    shared = [word for word in words if word.documents > 1]
    shared.sort(key=lambda word: (-_weight(word, total), word.word))
    chosen: list[Telling] = []
    room = max(WIDEST, 1)
    for word in shared:
        if len(chosen) < USED and word.documents <= room and (word.documents <= total / 3 or not chosen):
            chosen.append(word)
            room -= word.documents
    return chosen


def word_query(word: str) -> Node:
    """Return the query for documents that have a word."""
    return AnyOf(tuple(Equals(FIELDS[name], word) for name in DEFAULT_FIELDS))


def others_with(words: Sequence[Telling], record: Record) -> Selection:
    """Return the other documents that have any of some words."""
    name = (record.get("document") or {}).get("id")
    own = Equals(FIELDS["document.id"], name) if name else Equals(FIELDS["record.id"], record["record"]["id"])
    return Selection(All((AnyOf(tuple(word_query(word.word) for word in words)), Not(own))))


def lucene_of(words: Sequence[Telling]) -> str:
    """Return the same as a query that people can go on with."""
    return " OR ".join(f'"{word.word}"' for word in words)


def _weight(word: Telling, total: int) -> float:
    return (1 + math.log(word.times)) * math.log(1 + max(total, 1) / (1 + word.documents))
