"""The signs of a query: Lucene's syntax, cut into tokens that know their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from scorelens_store.errors import QueryError


class Kind(Enum):
    """What a token is."""

    OPEN = auto()
    CLOSE = auto()
    AND = auto()
    OR = auto()
    NOT = auto()  # NOT, ! and -
    PLUS = auto()
    FIELD = auto()  # the name before a colon
    COMPARE = auto()  # > >= < <=
    WORD = auto()
    PHRASE = auto()
    RANGE = auto()  # a whole range with its brackets
    FUZZ = auto()  # ~ and its number
    BOOST = auto()  # ^ and its number
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it was written, without quotes or colon; `start` and `end` count characters of the query."""

    kind: Kind
    text: str
    start: int
    end: int


_QUOTED: Final = r'"(?:\\.|[^"\\])*"'
_CHARACTER: Final = r'(?:\\.|[^\s\\()\[\]{}"^~:])'
_SPACE: Final = re.compile(r"\s*")
_FIELD: Final = re.compile(rf"({_CHARACTER}+):(?:\s+(?=\S))?", re.DOTALL)
_WORD: Final = re.compile(rf"{_CHARACTER}+", re.DOTALL)
# After a colon or a comparison further colons belong to the value: times, addresses and `tag:feature`.
_VALUE: Final = re.compile(rf"(?:{_CHARACTER}|:)+", re.DOTALL)
_PHRASE: Final = re.compile(_QUOTED, re.DOTALL)
_COMPARE: Final = re.compile(r"[<>]=?\s*")
_MODIFIER: Final = re.compile(r"[~^][0-9.]*")
_BOUND: Final = rf'({_QUOTED}|(?:\\.|[^\s\\\]}}"])+)'
RANGE: Final = re.compile(rf"([\[{{])\s*{_BOUND}\s+TO\s+{_BOUND}\s*([\]}}])", re.DOTALL)
_OPERATORS: Final = {"AND": Kind.AND, "OR": Kind.OR, "NOT": Kind.NOT}
_SIGNS: Final = {"&&": Kind.AND, "||": Kind.OR}
_PREFIXES: Final = {"!": Kind.NOT, "-": Kind.NOT, "+": Kind.PLUS}


def tokens(query: str) -> Iterator[Token]:
    """Yield the tokens of a query and an END. Raises QueryError with the place."""
    at, value = _skip(query, 0), False
    while at < len(query):
        token = _next(query, at, value)
        yield token
        value = token.kind in (Kind.FIELD, Kind.COMPARE)
        at = _skip(query, token.end)
    yield Token(Kind.END, "", len(query), len(query))


def _next(query: str, at: int, value: bool) -> Token:
    sign = query[at]
    if sign in "()":
        return Token(Kind.OPEN if sign == "(" else Kind.CLOSE, sign, at, at + 1)
    if sign == '"':
        return _phrase(query, at)
    if sign in "[{":
        return _range(query, at)
    if sign in "~^":
        return _token(Kind.FUZZ if sign == "~" else Kind.BOOST, _MODIFIER, query, at)
    if sign == "/":
        raise QueryError(
            'regular expressions are not supported: use * and ?, or put a value that starts with / in "quotes"',
            query,
            at,
        )
    if sign in "<>":
        return _token(Kind.COMPARE, _COMPARE, query, at)
    return _value(query, at) if value else _bare(query, at)


def _bare(query: str, at: int) -> Token:
    if query[at : at + 2] in _SIGNS:
        return Token(_SIGNS[query[at : at + 2]], query[at : at + 2], at, at + 2)
    if query[at] in _PREFIXES and query[at + 1 : at + 2].strip():
        return Token(_PREFIXES[query[at]], query[at], at, at + 1)
    field = _FIELD.match(query, at)
    if field:
        return Token(Kind.FIELD, field[1], at, field.end())
    word = _WORD.match(query, at)
    if word is None:
        raise QueryError(_stray(query[at]), query, at)
    return Token(_OPERATORS.get(word[0], Kind.WORD), word[0], at, word.end())


def _value(query: str, at: int) -> Token:
    word = _VALUE.match(query, at)
    if word is None:
        raise QueryError(_stray(query[at]), query, at)
    # Right after the colon AND, OR and NOT are values, such as a state's code; after a space they are not.
    kind = _OPERATORS.get(word[0], Kind.WORD) if query[at - 1].isspace() else Kind.WORD
    return Token(kind, word[0], at, word.end())


def _phrase(query: str, at: int) -> Token:
    found = _PHRASE.match(query, at)
    if found is None:
        raise QueryError('this quote is never closed; write \\" for a quote that is meant', query, at)
    return Token(Kind.PHRASE, found[0][1:-1], at, found.end())


def _range(query: str, at: int) -> Token:
    found = RANGE.match(query, at)
    if found is None:
        closed = re.search(r"[\]}]", query[at:])
        reason = "a range is written [LOW TO HIGH]" if closed else "this bracket is never closed"
        raise QueryError(f"{reason}, with * for an open end", query, at)
    return Token(Kind.RANGE, found[0], at, found.end())


def _token(kind: Kind, pattern: re.Pattern[str], query: str, at: int) -> Token:
    found = pattern.match(query, at)
    text = found[0] if found else query[at]
    return Token(kind, text.strip(), at, at + len(text))


def _skip(query: str, at: int) -> int:
    found = _SPACE.match(query, at)
    return found.end() if found else at


def _stray(sign: str) -> str:
    if sign == "\\":
        return "nothing follows the backslash"
    if sign == ":":
        return 'a colon needs a field before it; put text with colons in "quotes"'
    return f'{sign} has no beginning; put a sign that is meant in "quotes"'
