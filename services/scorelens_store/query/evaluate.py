"""Asking a query of one record in memory, without any store: for logs, which are read while the store is away.

Reads values as the stores index them and matches what they match.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from scorelens_store.fields import Field, Type
from scorelens_store.query import tree
from scorelens_store.query.analysis import analyse
from scorelens_store.query.patterns import edits, phrases, positions, wildcard
from scorelens_store.query.tree import Node
from scorelens_store.values import Value, Values, field_values, to_microseconds


def matches(query: Node, record: Mapping[str, Any]) -> bool:
    """Tell whether a record matches. One that no store would take matches nothing."""
    try:
        return evaluate(query, field_values(dict(record)))
    except ValueError:
        return False


def evaluate(query: Node, values: Values) -> bool:
    """Tell whether the values of a record match."""
    match query:
        case tree.Everything():
            return True
        case tree.Nothing():
            return False
        case tree.All(parts):
            return all(evaluate(part, values) for part in parts)
        case tree.Any(parts):
            return any(evaluate(part, values) for part in parts)
        case tree.Not(part):
            return not evaluate(part, values)
        case tree.Boost(part, _):
            return evaluate(part, values)
        case tree.Exists(field):
            return bool(values.get(field.name))
        case tree.Phrase(field, words, slop):
            return any(_in_order(found, words, slop) for found in _texts(values, field))
        case _:
            return any(_is(query, term) for term in _terms(values, query.field))


def _is(query: tree.Equals | tree.Range | tree.Wildcard | tree.Fuzzy, term: Value) -> bool:
    match query:
        case tree.Equals(_, value):
            return bool(term == _indexed(value))
        case tree.Range():
            return _within(query, term)
        case tree.Wildcard(_, pattern):
            return wildcard(pattern).fullmatch(str(term)) is not None
        case tree.Fuzzy(_, word, distance):
            return edits(str(term), word, distance) <= distance


def _terms(values: Values, field: Field) -> Sequence[Value]:
    if field.type is Type.TEXT:
        return [word for words in _texts(values, field) for word in words]
    return values.get(field.name, ())


def _texts(values: Values, field: Field) -> Iterable[Sequence[str]]:
    return ([token.word for token in analyse(str(text))] for text in values.get(field.name, ()))


def _indexed(value: tree.Value | None) -> Any:
    return to_microseconds(value) if isinstance(value, datetime) else value


def _within(bounds: tree.Range, term: Any) -> bool:
    low, high = _indexed(bounds.low), _indexed(bounds.high)
    above = low is None or term > low or (bounds.with_low and term == low)
    below = high is None or term < high or (bounds.with_high and term == high)
    return bool(above and below)


def _in_order(found: Sequence[str], words: Sequence[str], slop: int) -> bool:
    return next(phrases(positions(found), words, slop), None) is not None
