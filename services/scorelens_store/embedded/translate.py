"""From query trees to queries of the index.

Only words of texts weigh in relevance; everything else selects and weighs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import combinations, takewhile
from typing import Final

import tantivy
from tantivy import FieldType, Occur, Query

from scorelens_store.embedded.schema import KEYED, NAMES, keyed, slot_field
from scorelens_store.embedded.slots import Slots
from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS, Field, Type
from scorelens_store.query.tree import (
    All,
    Any,
    Boost,
    Equals,
    Everything,
    Exists,
    Fuzzy,
    Node,
    Not,
    Nothing,
    Phrase,
    Range,
    Value,
    Wildcard,
)
from scorelens_store.query.values import single
from scorelens_store.values import to_microseconds

ANY_RUN: Final = "(.|\n)*"
"""Regular expression of any text; without flags, since the index's engine knows none."""

_ANY_ONE: Final = "(.|\n)"
_SPECIAL: Final = re.compile(r"[^\w\s\0]", re.ASCII)
_NUMERIC: Final = (Type.FLOAT, Type.INTEGER, Type.DATE)
_LONGEST_BOUND: Final = 1024
_LAST: Final = "\U0010ffff"


class Translator:
    """Translates trees for one index."""

    def __init__(self, schema: tantivy.Schema, slots: Slots) -> None:
        self._schema, self._slots = schema, slots

    def column(self, field: Field) -> str | None:
        """Return the index field that holds the numbers or dates of a field; None where no record has any."""
        if field.name in FIELDS:
            return field.name
        slot = self._slots.find(field.name)
        return None if slot is None else slot_field(slot)

    def query(self, node: Node) -> Query:
        """Return the query that matches what a tree matches."""
        match node:
            case Everything():
                return _silent(Query.all_query())
            case Nothing():
                return Query.empty_query()
            case All(parts):
                return self._all(parts)
            case Any(parts):
                return self._any(parts)
            case Not(part):
                return self._all((Everything(), Not(part)))
            case Boost(part, weight):
                return Query.boost_query(self.query(part), weight)
            case Equals(field, value):
                return self._equals(field, value)
            case Phrase(field, words, slop):
                return self._phrase(field, words, slop)
            case Range():
                return _silent(self._range(node))
            case Wildcard(field, pattern):
                return self._pattern(field, to_regex(pattern))
            case Fuzzy(field, word, distance):
                query = Query.fuzzy_term_query(self._schema, field.name, word, distance, True)
                return query if field.type is Type.TEXT else _silent(query)
            case Exists(field):
                return _silent(Query.term_query(self._schema, NAMES, field.name, "basic"))
        raise TypeError(f"not a query: {node!r}")

    def _all(self, parts: Sequence[Node]) -> Query:
        # Clauses of a conjunction that only excludes would match nothing.
        clauses = [] if any(not isinstance(part, Not) for part in parts) else [(Occur.Must, _silent(Query.all_query()))]
        for part in parts:
            if isinstance(part, Not):
                clauses.append((Occur.MustNot, self.query(part.part)))
            else:
                clauses.append((Occur.Must, self.query(part)))
        return Query.boolean_query(clauses)

    def _any(self, parts: Sequence[Node]) -> Query:
        field = _same_keyword(parts)
        if field is not None:
            values = [_text(part.value) for part in parts if isinstance(part, Equals)]
            return _silent(Query.term_set_query(self._schema, field.name, values))
        return Query.boolean_query([(Occur.Should, self.query(part)) for part in parts])

    def _phrase(self, field: Field, words: Sequence[str], slop: int) -> Query:
        # The index's own slop lets words change places; the language's does not. So every distance is asked for.
        phrases = [
            Query.phrase_query(self._schema, field.name, list(zip(places, words, strict=True)))
            for places in _places(len(words), slop)
        ]
        return phrases[0] if len(phrases) == 1 else Query.disjunction_max_query(phrases)

    def _equals(self, field: Field, value: Value) -> Query:
        if field.type in _NUMERIC:
            return _silent(self._range(Range(field, value, value)))
        if field.type is Type.TEXT:
            return Query.term_query(self._schema, field.name, value, "freq")
        name, term = (field.name, _text(value)) if field.name in FIELDS else (KEYED, keyed(field.name, _text(value)))
        return _silent(Query.term_query(self._schema, name, term, "basic"))

    def _range(self, node: Range) -> Query:
        if node.field.type not in _NUMERIC:
            return self._keyword_range(node)
        column = self.column(node.field)
        if column is None:
            return Query.empty_query()
        if node.low is None and node.high is None:
            return self.query(Exists(node.field))
        kind = FieldType.Float if node.field.type is Type.FLOAT else FieldType.Integer
        read = _READERS[node.field.type]
        low, high = (None if bound is None else read(bound) for bound in (node.low, node.high))
        return Query.range_query(
            self._schema, column, kind, low, high, node.with_low or low is None, node.with_high or high is None
        )

    def _keyword_range(self, node: Range) -> Query:
        low, high = (None if bound is None else _bounded(node.field, bound) for bound in (node.low, node.high))
        if low is not None and high is not None:
            patterns = _between_patterns(low, high, node.with_low, node.with_high)
        elif low is not None:
            patterns = after_patterns(low, node.with_low)
        elif high is not None:
            patterns = _before_patterns(high, node.with_high)
        else:
            return self.query(Exists(node.field))
        queries = [(Occur.Should, self._pattern(node.field, pattern)) for pattern in patterns]
        return Query.boolean_query(queries) if queries else Query.empty_query()

    def _pattern(self, field: Field, pattern: str) -> Query:
        name, prefix = (field.name, "") if field.name in FIELDS else (KEYED, escape(keyed(field.name, "")))
        try:
            query = Query.regex_query(self._schema, name, f"{prefix}({pattern})")
        except ValueError as exc:
            raise QueryError(f"the pattern for {field.name} is too long or has too many wildcards") from exc
        return query if field.type is Type.TEXT else _silent(query)


def to_regex(pattern: str) -> str:
    """Return the regular expression of a wildcard pattern."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\" and at + 1 < len(pattern):
            at += 1
            parts.append(escape(pattern[at]))
        elif sign == "*":
            if not parts or parts[-1] != ANY_RUN:
                parts.append(ANY_RUN)
        else:
            parts.append(_ANY_ONE if sign == "?" else escape(sign))
        at += 1
    return "".join(parts)


def escape(text: str) -> str:
    """Return a regular expression that matches a text as it is."""
    return _SPECIAL.sub(lambda sign: "\\" + sign[0] if sign[0].isascii() else sign[0], text)


def after_patterns(bound: str, included: bool) -> list[str]:
    """Return regular expressions that match what sorts after a text; many small ones, as their size is bounded."""
    # What sorts after "abc": "abc" with more, or a longer common beginning and then a greater character.
    patterns = [escape(bound) + (ANY_RUN if included else _ANY_ONE + ANY_RUN)]
    for at, sign in enumerate(bound):
        if sign != _LAST:
            patterns.append(f"{escape(bound[:at])}[{_code(_next(sign))}-{_code(_LAST)}]{ANY_RUN}")
    return patterns


def _before_patterns(bound: str, included: bool) -> list[str]:
    # What sorts before "abc": a beginning of it, or a common beginning and then a smaller character.
    patterns = [escape(bound)] if included else []
    for at, sign in enumerate(bound):
        patterns.append(escape(bound[:at]))
        if sign != "\0":
            patterns.append(f"{escape(bound[:at])}[{_code(chr(0))}-{_code(_previous(sign))}]{ANY_RUN}")
    return patterns


def _between_patterns(low: str, high: str, with_low: bool, with_high: bool) -> list[str]:
    # Both bounds in one expression: of several values of a record, one has to lie between them.
    if low >= high:
        return [escape(low)] if low == high and with_low and with_high else []
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
    head, low, high = escape(low[:common]), low[common:], high[common:]
    if not low:
        return [head + pattern for pattern in _before_patterns(high, with_high) if pattern or with_low]
    first, last = low[0], high[0]
    patterns = [escape(first) + pattern for pattern in after_patterns(low[1:], with_low)]
    if _next(first) < last:
        patterns.append(f"[{_code(_next(first))}-{_code(_previous(last))}]{ANY_RUN}")
    patterns += [escape(last) + pattern for pattern in _before_patterns(high[1:], with_high)]
    return [head + pattern for pattern in patterns]


def _places(words: int, slop: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to place words in order with at most `slop` positions left out between them."""
    for later in combinations(range(1, slop + words), words - 1):
        yield (0, *later)


def _next(sign: str) -> str:
    return "\ue000" if sign == "\ud7ff" else chr(ord(sign) + 1)


def _previous(sign: str) -> str:
    return "\ud7ff" if sign == "\ue000" else chr(ord(sign) - 1)


def _code(sign: str) -> str:
    return f"\\x{{{ord(sign):X}}}"


def _bounded(field: Field, bound: Value) -> str:
    text = _text(bound)
    if len(text) > _LONGEST_BOUND:
        raise QueryError(f"a bound for {field.name} is longer than {_LONGEST_BOUND} characters")
    return text


def _same_keyword(parts: Sequence[Node]) -> Field | None:
    first = parts[0]
    if not isinstance(first, Equals) or first.field.type is not Type.KEYWORD or first.field.name not in FIELDS:
        return None
    same = all(isinstance(part, Equals) and part.field == first.field for part in parts)
    return first.field if same else None


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _float(value: Value) -> float:
    if isinstance(value, str | datetime):
        raise QueryError(f"{value!r} is not a number")
    return single(value)


def _integer(value: Value) -> int:
    if isinstance(value, str | datetime):
        raise QueryError(f"{value!r} is not a number")
    return int(value)


def _date(value: Value) -> int:
    if not isinstance(value, datetime):
        raise QueryError(f"{value!r} is not a date")
    return to_microseconds(value)


_READERS: Final[dict[Type, Callable[[Value], float | int]]] = {
    Type.FLOAT: _float,
    Type.INTEGER: _integer,
    Type.DATE: _date,
}


def _silent(query: Query) -> Query:
    return Query.const_score_query(query, 0.0)
