"""From query trees to Elasticsearch's Query DSL (pure).

Only words of texts weigh in relevance; everything else selects and weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any as AnyValue
from typing import Final

from scorelens_store.elasticsearch.mapping import ANALYZED, EXACT_DATES
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
    is_weighed,
)
from scorelens_store.query.values import single
from scorelens_store.values import to_microseconds

Query = dict[str, AnyValue]

_LAST: Final = "\U0010ffff" * 4
_LONGEST_REGEXP: Final = 900
_SPECIAL: Final = frozenset('.?+*|{}[]()"\\#@&<>~^$-')


def to_query(node: Node, *, analyzed: bool = False) -> Query:
    """Return the query that matches what a tree matches. Raises QueryError.

    With `analyzed`, a word of a text matches by the analyzer of a language, too, where an index has one.
    """
    match node:
        case All(parts):
            return _all(parts, analyzed)
        case Not(part):
            return _all((node,), analyzed)
        case Any(parts):
            return _any(parts, analyzed)
        case Boost(part, weight):
            return {"bool": {"must": [to_query(part, analyzed=analyzed)], "boost": weight}}
        case Equals(Field(name, Type.TEXT), word) if analyzed:
            return _word(name, word)
    return _leaf(node) if is_weighed(node) else {"constant_score": {"filter": _leaf(node), "boost": 0}}


def column(field: Field) -> str:
    """Return the field that a field's values are compared, sorted and counted by."""
    return EXACT_DATES.get(field.name, field.name)


def _word(name: str, word: Value) -> Query:
    # Both weigh, so that the word itself goes before what only its stem has in common with it.
    same: Query = {"term": {name: {"value": word}}}
    return {
        "bool": {
            "should": [same, {"match": {f"{name}.{ANALYZED}": {"query": word, "operator": "and"}}}],
            "minimum_should_match": 1,
        }
    }


def _all(parts: Sequence[Node], analyzed: bool) -> Query:
    clauses: dict[str, list[Query]] = {}
    for part in parts:
        if isinstance(part, Not):
            clauses.setdefault("must_not", []).append(to_query(part.part, analyzed=analyzed))
        else:
            clauses.setdefault("must" if is_weighed(part) else "filter", []).append(to_query(part, analyzed=analyzed))
    return {"bool": clauses} if "must" in clauses or "filter" in clauses else {"bool": {**clauses, "filter": [_EVERY]}}


def _any(parts: Sequence[Node], analyzed: bool) -> Query:
    field = _same_keyword(parts)
    if field is None:
        return {"bool": {"should": [to_query(part, analyzed=analyzed) for part in parts], "minimum_should_match": 1}}
    terms = [_term(field, part.value) for part in parts if isinstance(part, Equals)]
    return {"constant_score": {"filter": {"terms": {field.name: terms}}, "boost": 0}}


def _leaf(node: Node) -> Query:
    match node:
        case Everything():
            return _EVERY
        case Nothing():
            return {"match_none": {}}
        case Equals(field, value):
            return {"term": {column(field): {"value": _term(field, value)}}}
        case Phrase(field, words, slop):
            return _phrase(field, words, slop)
        case Range():
            return _range(node)
        case Wildcard(field, pattern):
            return _wildcard(field, pattern)
        case Fuzzy(field, word, distance):
            return _fuzzy(field, word, distance)
        case Exists(field):
            return {"exists": {"field": column(field)}}
    raise TypeError(f"not a query: {node!r}")


def _phrase(field: Field, words: Sequence[str], slop: int) -> Query:
    # A span keeps the order of its words; the slop of match_phrase lets them change places.
    clauses = [{"span_term": {field.name: {"value": word}}} for word in words]
    return {"span_near": {"clauses": clauses, "slop": slop, "in_order": True}}


def _range(node: Range) -> Query:
    if node.low is None and node.high is None:
        return _leaf(Exists(node.field))
    bounds = {}
    if node.low is not None:
        bounds["gte" if node.with_low else "gt"] = _term(node.field, node.low)
    if node.high is not None:
        bounds["lte" if node.with_high else "lt"] = _term(node.field, node.high)
    if _is_flattened(node.field):
        # Flattened fields take ranges with two bounds only.
        bounds = bounds | ({"gte": ""} if node.low is None else {}) | ({"lte": _LAST} if node.high is None else {})
    return {"range": {column(node.field): bounds}}


def _wildcard(field: Field, pattern: str) -> Query:
    if not _is_flattened(field):
        return {"wildcard": {field.name: {"value": pattern, "rewrite": "constant_score"}}}
    plain = _unescaped(pattern)
    if "*" in plain[:-1] or "?" in plain or plain[-1:] != ["*"]:
        raise QueryError(f"{field.name} can be searched with * at the end of a value only")
    return {"prefix": {field.name: {"value": "".join(sign[-1] for sign in plain[:-1])}}}


def _unescaped(pattern: str) -> list[str]:
    """Split a pattern into its signs; those taken as they are keep their backslash."""
    signs: list[str] = []
    for sign in pattern:
        if signs and signs[-1] == "\\":
            signs[-1] += sign
        else:
            signs.append(sign)
    return signs


def _fuzzy(field: Field, word: str, distance: int) -> Query:
    if _is_flattened(field):
        raise QueryError(f"{field.name} cannot be searched with ~")
    # Another rewrite than this one stops after the first fifty words.
    fuzzy = {"value": word, "fuzziness": distance, "rewrite": "constant_score"}
    queries: list[Query] = [{"fuzzy": {field.name: fuzzy}}]
    if len(word) <= 2 * distance:
        # Lucene finds no word that is as short as its distance.
        queries += [{"regexp": {field.name: {"value": regexp, "flags": "NONE"}}} for regexp in _near(word, distance)]
    return queries[0] if len(queries) == 1 else {"dis_max": {"queries": queries}}


def _near(word: str, distance: int) -> Iterator[str]:
    """Yield regular expressions that together match all words within a distance of a short one."""
    group: list[str] = []
    for pattern in sorted(set(_edited(word, distance))):
        if sum(map(len, group)) + len(group) + len(pattern) > _LONGEST_REGEXP:
            yield "|".join(group)
            group = []
        group.append(pattern or "()")
    yield "|".join(group)


def _edited(word: str, distance: int) -> Iterator[str]:
    if not word:
        yield from ("." * count for count in range(distance + 1))
        return
    first, rest = _escaped(word[0]), word[1:]
    yield from (first + end for end in _edited(rest, distance))
    if distance:
        yield from ("." + end for end in _edited(rest, distance - 1))
        yield from _edited(rest, distance - 1)
        yield from ("." + end for end in _edited(word, distance - 1))
        if rest:
            yield from (_escaped(rest[0]) + first + end for end in _edited(rest[1:], distance - 1))


def _escaped(sign: str) -> str:
    return f"\\{sign}" if sign in _SPECIAL else sign


def _same_keyword(parts: Sequence[Node]) -> Field | None:
    first = parts[0]
    if not isinstance(first, Equals) or first.field.type is not Type.KEYWORD or _is_flattened(first.field):
        return None
    same = all(isinstance(part, Equals) and part.field == first.field for part in parts)
    return first.field if same else None


def _is_flattened(field: Field) -> bool:
    return field.type is Type.KEYWORD and field.name not in FIELDS


def _term(field: Field, value: Value) -> str | int | float | bool:
    match field.type:
        case Type.DATE:
            return to_microseconds(_a(datetime, field, value))
        case Type.FLOAT:
            return single(float(_a((int, float), field, value)))
        case Type.INTEGER:
            return int(_a((int, float), field, value))
        case Type.BOOLEAN:
            return bool(value)
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _a(kind: AnyValue, field: Field, value: Value) -> AnyValue:
    if not isinstance(value, kind):
        raise QueryError(f"{value!r} is not a value of {field.name}, which is of type {field.type}")
    return value


_EVERY: Final[Query] = {"match_all": {}}
