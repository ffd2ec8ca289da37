"""Asking a query of one record in memory, without any store: for logs, which are read while the store is away.

Matches what the stores match, except what only an index can know: everything here is about a single record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from scorelens_store.fields import Field, Type
from scorelens_store.query import tree
from scorelens_store.query.analysis import analyse
from scorelens_store.query.tree import Node, Value
from scorelens_store.query.values import single

Words = Sequence[Sequence[str]]
"""The analysed words of each value of a text field, in order."""


def matches(query: Node, record: Mapping[str, Any]) -> bool:
    """Tell whether a record, or a part of one, matches."""
    match query:
        case tree.Everything():
            return True
        case tree.Nothing():
            return False
        case tree.All(parts):
            return all(matches(part, record) for part in parts)
        case tree.Any(parts):
            return any(matches(part, record) for part in parts)
        case tree.Not(part):
            return not matches(part, record)
        case tree.Boost(part, _):
            return matches(part, record)
        case tree.Equals(field, value):
            return any(found == value for found in _terms(record, field))
        case tree.Phrase(field, words, slop):
            return any(_in_order(found, words, slop) for found in _texts(record, field))
        case tree.Range():
            return any(_within(query, value) for value in _terms(record, query.field))
        case tree.Wildcard(field, pattern):
            whole = _wildcard(pattern)
            return any(whole.fullmatch(str(value)) for value in _terms(record, field))
        case tree.Fuzzy(field, word, distance):
            return any(edits(str(value), word, distance) <= distance for value in _terms(record, field))
        case tree.Exists(field):
            return any(True for _ in _terms(record, field))


def values_of(record: Any, name: str) -> Iterator[Any]:
    """Yield the values of a dotted field; names under open prefixes may hold dots themselves."""
    if name == "":
        yield from record if isinstance(record, list) else [record]
        return
    if not isinstance(record, dict):
        return
    if name in record:
        yield from values_of(record[name], "")
    place = name.find(".")
    while place > 0:
        if isinstance(record.get(name[:place]), dict):
            yield from values_of(record[name[:place]], name[place + 1 :])
        place = name.find(".", place + 1)


def edits(one: str, other: str, most: int) -> int:
    """Count the edits between two words, a transposition as one; more than `most` count as one more than that."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i, *[0] * len(other)]
        for j, against in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                row[j] = min(row[j], earlier[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]


def _terms(record: Mapping[str, Any], field: Field) -> Iterator[Value]:
    if field.type is Type.TEXT:
        for words in _texts(record, field):
            yield from words
        return
    for value in values_of(record, field.name):
        term = _term(field, value)
        if term is not None:
            yield term


def _term(field: Field, value: Any) -> Value | None:
    if value is None or isinstance(value, dict | list):
        return None
    try:
        match field.type:
            case Type.FLOAT:
                return single(float(value))
            case Type.INTEGER:
                return int(value)
            case Type.DATE:
                moment = datetime.fromisoformat(value)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            case Type.KEYWORD:
                return value if isinstance(value, str) else json.dumps(value)
        return bool(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _texts(record: Mapping[str, Any], field: Field) -> Words:
    return [
        [token.word for token in analyse(value)] for value in values_of(record, field.name) if isinstance(value, str)
    ]


def _within(bounds: tree.Range, value: Any) -> bool:
    low, high = bounds.low, bounds.high
    above = low is None or value > low or (bounds.with_low and value == low)
    return above and (high is None or value < high or (bounds.with_high and value == high))


def _in_order(found: Sequence[str], words: Sequence[str], slop: int) -> bool:
    places = [[at - number for at, word in enumerate(found) if word == wanted] for number, wanted in enumerate(words)]
    return any(_near(places[1:], start, start, {start}, slop, 1) for start in (places[0] if places else ()))


def _near(places: Sequence[Sequence[int]], low: int, high: int, taken: set[int], slop: int, number: int) -> bool:
    if not places:
        return True
    for place in places[0]:
        least, most = min(low, place), max(high, place)
        at = place + number
        if most - least <= slop and at not in taken and _near(places[1:], least, most, taken | {at}, slop, number + 1):
            return True
    return False


@lru_cache(maxsize=256)
def _wildcard(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    known = {"*": ".*", "?": "."}
    return re.compile("".join(known.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)
