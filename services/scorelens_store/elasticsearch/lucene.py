"""From query trees to Lucene's syntax with full names, as `query_string` of Elasticsearch, and so Kibana, reads it.

Everything is said for a field of its own and in brackets, so that no default operator or field changes the meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from scorelens_store.elasticsearch.mapping import ANALYZED, EXACT_DATES
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

EVERYTHING: Final = "*:*"
NOTHING: Final = "(*:* AND NOT *:*)"

_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*")
_OPERATORS: Final = frozenset({"AND", "OR", "NOT", "TO"})
_SPECIAL: Final = re.compile(r'([+\-=&|><!(){}\[\]^"~*?:\\/\s])')
_LAST: Final = "\U0010ffff" * 4


def to_lucene(node: Node, *, analyzed: bool = False) -> str:
    """Return the query that matches what a tree matches, but for what `caveats` says.

    With `analyzed`, a word of a text matches by the analyzer of a language, too, as in `query.to_query`.
    """
    text = _of(_by_language(node) if analyzed else node)
    whole = isinstance(node, All | Any) and text.startswith("(") and text.endswith(")")
    return text[1:-1] if whole else text


def caveats(node: Node) -> Iterator[str]:
    """Yield a sentence for each part that `query_string` can say only nearly."""
    match node:
        case All(parts) | Any(parts):
            for part in parts:
                yield from caveats(part)
        case Not(part) | Boost(part, _):
            yield from caveats(part)
        case Phrase(slop=slop) if slop:
            yield "the words of a phrase with a distance are found in any order there"
        case Fuzzy():
            yield "a word with ~ stands for the fifty most similar words there, and hardly for short ones"


def _by_language(node: Node) -> Node:
    match node:
        case All(parts):
            return All(tuple(map(_by_language, parts)))
        case Any(parts):
            return Any(tuple(map(_by_language, parts)))
        case Not(part):
            return Not(_by_language(part))
        case Boost(part, weight):
            return Boost(_by_language(part), weight)
        case Equals(Field(name, Type.TEXT), word):
            return Any((node, Equals(Field(f"{name}.{ANALYZED}", Type.TEXT), word)))
    return node


def _of(node: Node) -> str:
    match node:
        case Everything():
            return EVERYTHING
        case Nothing():
            return NOTHING
        case All(parts):
            return _all(parts)
        case Any(parts):
            return _any(parts)
        case Not():
            return _all((node,))
        case Boost(part, weight):
            return f"({_of(part)})^{weight:.9g}"
    return _leaf(node)


def _all(parts: Sequence[Node]) -> str:
    parts = [inner for part in parts for inner in (part.parts if isinstance(part, All) else (part,))]
    wanted = [_of(part) for part in parts if not isinstance(part, Not)]
    unwanted = [f"NOT {_of(part.part)}" for part in parts if isinstance(part, Not)]
    return "(" + " AND ".join((wanted or [EVERYTHING]) + unwanted) + ")"


def _any(parts: Sequence[Node]) -> str:
    fields = {part.field if isinstance(part, Equals) else None for part in parts}
    field = fields.pop() if len(fields) == 1 else None
    if field and field.type is not Type.DATE:
        values = " OR ".join(_value(field, part.value) for part in parts if isinstance(part, Equals))
        return f"{_name(field)}:({values})"
    return "(" + " OR ".join(map(_of, parts)) + ")"


def _leaf(node: Node) -> str:
    match node:
        case Equals(Field(type=Type.DATE) as field, value):
            return f"{EXACT_DATES[field.name]}:{_micros(_moment(value))}"
        case Equals(field, value):
            return f"{_name(field)}:{_value(field, value)}"
        case Phrase(field, words, slop):
            return f"{_name(field)}:{_quoted(' '.join(words))}" + (f"~{slop}" if slop else "")
        case Range():
            return _range(node)
        case Wildcard(field, pattern):
            return f"{_name(field)}:{_pattern(pattern)}"
        case Fuzzy(field, word, distance):
            return f"{_name(field)}:{_escaped(word)}~{distance}"
        case Exists(field):
            return f"_exists_:{_name(field)}"
    raise TypeError(f"not a query: {node!r}")


def _range(node: Range) -> str:
    if node.low is None and node.high is None:
        return _leaf(Exists(node.field))
    if node.field.type is Type.KEYWORD and node.field.name not in FIELDS:
        return _flattened(node)
    if node.field.type is Type.DATE:
        return _dates(node)
    low, high = (None if bound is None else _value(node.field, bound) for bound in (node.low, node.high))
    return f"{_name(node.field)}:{_bounds(node, low, high)}"


def _bounds(node: Range, low: str | None, high: str | None) -> str:
    """Return the bounds in their brackets; an open end is included, as it does not matter."""
    opening = "[" if node.with_low or low is None else "{"
    closing = "]" if node.with_high or high is None else "}"
    return f"{opening}{low or '*'} TO {high or '*'}{closing}"


def _flattened(node: Range) -> str:
    # Flattened fields take ranges with two bounds only. No text is the last one, and an empty one cannot be written:
    # what is below a bound is what has a value and is not above it.
    if node.low is None:
        rest = Range(node.field, node.high, None, with_low=not node.with_high)
        return f"({_leaf(Exists(node.field))} AND NOT {_flattened(rest)})"
    high = _LAST if node.high is None else str(node.high)
    return f"{_name(node.field)}:{_bounds(node, _quoted(str(node.low)), _quoted(high))}"


def _dates(node: Range) -> str:
    # Dates keep milliseconds: these bounds are the same for them, all others only for the exact fields.
    whole = node.with_low and not node.with_high and all(map(_is_whole, (node.low, node.high)))
    name, show = (_name(node.field), _date) if whole else (EXACT_DATES[node.field.name], _micros)
    low, high = (None if bound is None else show(_moment(bound)) for bound in (node.low, node.high))
    return f"{name}:{_bounds(node, low, high)}"


def _value(field: Field, value: Value) -> str:
    match field.type:
        case Type.FLOAT:
            return _signed(_shortest(float(value)))  # type: ignore[arg-type]
        case Type.INTEGER:
            return _signed(str(int(value)))  # type: ignore[arg-type]
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return text if _PLAIN.fullmatch(text) and text not in _OPERATORS else _quoted(text)


def _signed(number: str) -> str:
    return _quoted(number) if number.startswith("-") else number


def _shortest(number: float) -> str:
    """Return the shortest text that stands for the same 32 bits."""
    texts = (f"{number:.{digits}g}" for digits in range(1, 10))
    text = next((text for text in texts if single(float(text)) == single(number)), repr(number))
    return text.replace("e+", "e")


def _is_whole(bound: Value | None) -> bool:
    return bound is None or _moment(bound).microsecond % 1000 == 0


def _moment(value: Value) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"not a date: {value!r}")
    return value


def _date(moment: datetime) -> str:
    return _quoted(moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def _micros(moment: datetime) -> str:
    return _signed(str(to_microseconds(moment)))


def _name(field: Field) -> str:
    return _SPECIAL.sub(r"\\\1", field.name).replace("\\-", "-")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", text)
    return f"\\{escaped}" if text in _OPERATORS else escaped


def _pattern(pattern: str) -> str:
    """Escape all that is not a wildcard; a backslash in the pattern takes the next sign as it is."""
    parts = re.findall(r"\\.|.|\\$", pattern, re.DOTALL)
    return "".join(part if part in ("*", "?") else _escaped(part[-1]) for part in parts)
