"""Significant words: found by reading samples of both sides, then counted in the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from scorelens_store.contract import Bucket, Record, SignificantWords, Terms
from scorelens_store.embedded.aggregate import aggregate
from scorelens_store.embedded.schema import ORDER, order_of
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.fields import Field, Type
from scorelens_store.query.analysis import analyse
from scorelens_store.query.tree import All, Node
from scorelens_store.significance import EXAMINED, Question, Side, best
from scorelens_store.values import values_of

_CHARACTERS: Final = 20_000
"""Characters of a text that words are looked for in."""

_VALUES: Final = 10_000
"""Values of a keyword field that are compared, the most frequent ones of either side."""


def significant_words(snapshot: Snapshot, asked: Question) -> SignificantWords:
    """Return the words that mark one side."""
    mine, other = (Side(node, snapshot.count(node)) for node in (asked.mine, asked.other))

    def counts(node: Node, words: Sequence[Node]) -> list[int]:
        return [snapshot.count(All((node, word))) for word in words]

    if not mine.total or not other.total:
        return asked.answer(mine, other, 0, (), counts)
    if asked.field is not None and asked.field.type is Type.KEYWORD:
        values, others = (_values(snapshot, side.node, asked.field) for side in (mine, other))
        worth = {word: count for word, count in values.items() if count >= asked.least}
        found = best(asked, worth, mine.total, others, other.total)
        return asked.answer(mine, other, mine.total, found, counts)
    (words, examined), (background, others_examined) = (
        _words(snapshot, side, asked.fields()) for side in (mine, other)
    )
    least = asked.least_in(mine)
    worth = {word: count for word, count in words.items() if count >= least}
    found = best(asked, worth, examined, background, others_examined)
    return asked.answer(mine, other, examined, found, counts)


def _values(snapshot: Snapshot, node: Node, field: Field) -> dict[str, int]:
    buckets = aggregate(snapshot, node, {"values": Terms(field.name, _VALUES)})["values"]
    return {str(bucket.key): bucket.count for bucket in buckets if isinstance(bucket, Bucket)}


def _words(snapshot: Snapshot, side: Side, fields: Sequence[Field]) -> tuple[Counter[str], int]:
    """Count words by the records of a sample that have them; return how many records those are, too."""
    counted: Counter[str] = Counter()
    examined = 0
    for record in _sample(snapshot, side):
        texts = (str(text)[:_CHARACTERS] for field in fields for text in values_of(record, field))
        counted.update({token.word for text in texts for token in analyse(text)})
        examined += 1
    return counted, examined


def _sample(snapshot: Snapshot, side: Side) -> Iterator[Record]:
    bound = side.least_beyond
    beyond = order_of(bound) if bound else None
    for order, address in snapshot.first(side.node, ORDER, 2 * EXAMINED):
        if beyond is not None and order >= beyond:
            return
        yield orjson.loads(snapshot.source_at(address))
