"""Query trees as JSON, for programs that send them: every tree can be written, and is read as what it was.

    {"all": [{"equals": {"field": "tags", "value": "complaint"}},
             {"range": {"field": "score.complaint", "low": 0.7, "with_low": false}}]}

A node is an object with one member, which says what it is. Fields may have their short names; dates are RFC 3339. What
is read is checked as strictly as the parser of queries is, and may be as large as what that makes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any as AnyValue
from typing import Final

from scorelens_store.errors import QueryError
from scorelens_store.fields import FIELDS, Field, Type, find_field
from scorelens_store.query.parse import (
    MAX_BOOST,
    MAX_BRACKETS,
    MAX_CLAUSES,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_SLOP,
    can_be_apart,
    depth,
    is_prefix,
)
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

MAX_NODES: Final = 12 * MAX_CLAUSES
"""Nodes of a tree; a word without a field is four, and each sign around it one."""
MAX_CHARACTERS: Final = 10 * MAX_LENGTH
"""Characters of all words and values; those without a field stand in three places."""
MAX_NESTING: Final = MAX_DEPTH + MAX_BRACKETS + 2
"""Nodes within each other, boosts included."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INTEGERS: Final = range(-(2**63), 2**63)
_REQUIRED: Final = object()


def write_node(node: Node) -> dict[str, AnyValue]:
    """Return a tree as JSON. Raises QueryError for a value that JSON cannot hold."""
    match node:
        case Everything():
            return {"everything": {}}
        case Nothing():
            return {"nothing": {}}
        case All(parts):
            return {"all": [write_node(part) for part in parts]}
        case Any(parts):
            return {"any": [write_node(part) for part in parts]}
        case Not(part):
            return {"not": write_node(part)}
        case Boost(part, weight):
            return {"boost": {"part": write_node(part), "weight": _written(weight)}}
        case Equals(field, value):
            return {"equals": {"field": field.name, "value": _written(value)}}
        case Phrase(field, words, slop):
            return {"phrase": {"field": field.name, "words": list(words), "slop": slop}}
        case Range(field, low, high, with_low, with_high):
            bounds = {"low": _written(low), "high": _written(high), "with_low": with_low, "with_high": with_high}
            return {"range": {"field": field.name, **bounds}}
        case Wildcard(field, pattern):
            return {"wildcard": {"field": field.name, "pattern": pattern}}
        case Fuzzy(field, word, distance):
            return {"fuzzy": {"field": field.name, "word": word, "distance": distance}}
        case Exists(field):
            return {"exists": {"field": field.name}}
    raise TypeError(f"not a query: {node!r}")


def read_node(value: object) -> Node:
    """Read a tree. Raises QueryError that names the place in it."""
    node = _Reading().node(value, "", 0)
    if depth(node) > MAX_DEPTH:
        raise QueryError(f"all, any and not are nested more than {MAX_DEPTH} levels deep")
    return node


class _Reading:
    """Reads one tree, and counts what it holds; `at` names the place for whoever has to put it right."""

    def __init__(self) -> None:
        self._nodes = self._characters = 0

    def node(self, value: object, at: str, level: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise QueryError(f"it has more than {MAX_NODES:,} nodes")
        if level > MAX_NESTING:
            raise QueryError(f"its nodes are nested more than {MAX_NESTING} levels deep")
        if not isinstance(value, dict) or len(value) != 1:
            raise _wrong(at, f"a node is an object with one member: {', '.join(_KINDS)}")
        ((kind, inside),) = value.items()
        if kind not in _KINDS:
            raise _wrong(at, f"{_shown(kind)} is none of {', '.join(_KINDS)}")
        here = f"{at}.{kind}" if at else kind
        match kind:
            case "all" | "any":
                return (All if kind == "all" else Any)(self._parts(inside, here, level + 1))
            case "not":
                return Not(self.node(inside, here, level + 1))
        members = _members(inside, here, _KINDS[kind])
        match kind:
            case "everything":
                return Everything()
            case "nothing":
                return Nothing()
            case "boost":
                part = self.node(members["part"], f"{here}.part", level + 1)
                return Boost(part, _weight(members["weight"], f"{here}.weight"))
        return self._leaf(kind, self._field(members["field"], f"{here}.field"), members, here)

    def _parts(self, value: object, at: str, level: int) -> tuple[Node, ...]:
        if not isinstance(value, list) or not value:
            raise _wrong(at, "must be a list of at least one node")
        return tuple(self.node(part, f"{at}[{place}]", level) for place, part in enumerate(value))

    def _leaf(self, kind: str, field: Field, members: Mapping[str, AnyValue], at: str) -> Node:
        match kind:
            case "equals":
                return Equals(field, self._value(field, members["value"], f"{at}.value"))
            case "phrase":
                return self._phrase(field, members, at)
            case "range":
                return self._range(field, members, at)
            case "wildcard":
                return self._wildcard(field, self._text(members["pattern"], f"{at}.pattern"), at)
            case "fuzzy":
                return self._fuzzy(field, members, at)
        return Exists(field)

    def _phrase(self, field: Field, members: Mapping[str, AnyValue], at: str) -> Phrase:
        given, slop = members["words"], members["slop"]
        if field.type is not Type.TEXT:
            raise _wrong(at, f"{field.name} is of type {field.type}; phrases are found in text")
        if not isinstance(given, list) or len(given) < 2:
            raise _wrong(f"{at}.words", "must be a list of at least two words")
        words = tuple(self._text(word, f"{at}.words[{place}]") for place, word in enumerate(given))
        if type(slop) is not int or not 0 <= slop <= MAX_SLOP:
            raise _wrong(f"{at}.slop", f"must be a whole number from 0 to {MAX_SLOP}")
        if not can_be_apart(len(words), slop):
            raise _wrong(f"{at}.slop", "the distance is too large for a phrase of so many words")
        return Phrase(field, words, slop)

    def _range(self, field: Field, members: Mapping[str, AnyValue], at: str) -> Range:
        if field.type is Type.TEXT:
            raise _wrong(at, f"{field.name} holds words; ranges work on numbers, dates and keywords")
        for name in ("with_low", "with_high"):
            if not isinstance(members[name], bool):
                raise _wrong(f"{at}.{name}", "must be true or false")
        low, high = (
            None if members[name] is None else self._value(field, members[name], f"{at}.{name}")
            for name in ("low", "high")
        )
        return Range(field, low, high, members["with_low"], members["with_high"])

    def _wildcard(self, field: Field, pattern: str, at: str) -> Wildcard:
        if field.type not in (Type.TEXT, Type.KEYWORD):
            raise _wrong(at, f"{field.name} is of type {field.type}; * and ? work on text and keywords")
        if field.name not in FIELDS and not is_prefix(pattern):
            raise _wrong(f"{at}.pattern", f"{field.name} can be searched with * at the end of a value only")
        return Wildcard(field, pattern)

    def _fuzzy(self, field: Field, members: Mapping[str, AnyValue], at: str) -> Fuzzy:
        if field.name not in FIELDS or field.type not in (Type.TEXT, Type.KEYWORD):
            raise _wrong(at, f"{field.name} cannot be searched by near words; fixed text and keyword fields can")
        distance = members["distance"]
        if type(distance) is not int or distance not in (1, 2):
            raise _wrong(f"{at}.distance", "must be 1 or 2")
        return Fuzzy(field, self._text(members["word"], f"{at}.word"), distance)

    def _field(self, value: object, at: str) -> Field:
        name = self._text(value, at)
        field = find_field(name)
        if field is None:
            raise _wrong(at, f"there is no field {name!r}")
        return field

    def _value(self, field: Field, value: object, at: str) -> Value:
        match field.type:
            case Type.FLOAT:
                return _number(value, at)
            case Type.INTEGER:
                if type(value) is not int or value not in _INTEGERS:
                    raise _wrong(at, f"{field.name} is a whole number of 64 bits")
                return value
            case Type.BOOLEAN:
                if not isinstance(value, bool):
                    raise _wrong(at, f"{field.name} is true or false")
                return value
            case Type.DATE:
                return _date(self._text(value, at), at)
        return self._text(value, at)

    def _text(self, value: object, at: str) -> str:
        if not isinstance(value, str):
            raise _wrong(at, f"must be text, not {_shown(value)}")
        self._characters += len(value)
        if self._characters > MAX_CHARACTERS:
            raise QueryError(f"its words and values have more than {MAX_CHARACTERS:,} characters")
        if _SURROGATE.search(value):
            raise _wrong(at, "holds a character that is not valid Unicode")
        return value


def _members(value: object, at: str, known: Mapping[str, object]) -> Mapping[str, AnyValue]:
    """Return the members of a node with what is said of those that are left out."""
    if not isinstance(value, dict):
        raise _wrong(at, f"must be an object with {', '.join(known) or 'nothing in it'}")
    for name in value:
        if name not in known:
            raise _wrong(at, f"has no member {_shown(name)}; it has {', '.join(known) or 'none'}")
    for name, default in known.items():
        if default is _REQUIRED and name not in value:
            raise _wrong(at, f"{name} is missing")
    return {**known, **value}


def _number(value: object, at: str) -> float:
    if type(value) not in (int, float):
        raise _wrong(at, f"must be a number, not {_shown(value)}")
    number: float = value  # type: ignore[assignment]
    try:
        fits = math.isfinite(single(float(number)))
    except OverflowError:
        fits = False
    if not fits:
        raise _wrong(at, "is no number that 32 bits hold")
    return number


def _weight(value: object, at: str) -> float:
    number = float(_number(value, at))
    if not 0 <= number <= MAX_BOOST:
        raise _wrong(at, f"is from 0 to {MAX_BOOST:,}")
    return number


def _date(text: str, at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _wrong(at, f"{_shown(text)} is no date such as 2026-11-22T10:00:00Z") from None


def _written(value: Value | None) -> str | float | bool | None:
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise QueryError(f"{value} is not a number to look for")
    return value


def _wrong(at: str, reason: str) -> QueryError:
    return QueryError(f"{at}: {reason}" if at else reason)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"


_KINDS: Final[Mapping[str, Mapping[str, object]]] = {
    "everything": {},
    "nothing": {},
    "all": {},
    "any": {},
    "not": {},
    "boost": {"part": _REQUIRED, "weight": _REQUIRED},
    "equals": {"field": _REQUIRED, "value": _REQUIRED},
    "phrase": {"field": _REQUIRED, "words": _REQUIRED, "slop": 0},
    "range": {"field": _REQUIRED, "low": None, "high": None, "with_low": True, "with_high": True},
    "wildcard": {"field": _REQUIRED, "pattern": _REQUIRED},
    "fuzzy": {"field": _REQUIRED, "word": _REQUIRED, "distance": 2},
    "exists": {"field": _REQUIRED},
}
"""Members of each kind of node, and what they are where they are left out."""
