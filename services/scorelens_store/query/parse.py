"""Lucene syntax in, a tree with resolved fields and typed values out. docs/query.md describes the language."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from scorelens_store.errors import QueryError
from scorelens_store.fields import ALIASES, DEFAULT_FIELDS, FIELDS, OPEN_FIELDS, Field, Type, find_field
from scorelens_store.query.analysis import analyse
from scorelens_store.query.lexer import RANGE, Kind, Token, tokens
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
    Wildcard,
)
from scorelens_store.query.values import bounds, equality

MAX_LENGTH: Final = 20_000
"""Characters of a query."""
MAX_CLAUSES: Final = 1_000
"""Words, phrases, values and ranges of a query."""
MAX_DEPTH: Final = 20
"""Levels of AND, OR and NOT within each other."""
MAX_PLACES: Final = 2_000
"""Ways in which the words of a phrase with a distance can stand; three words may be sixty apart, five words ten."""
MAX_BRACKETS: Final = 100
"""Brackets within each other."""
MAX_BOOST: Final = 1_000_000
MAX_SLOP: Final = 100
"""Positions between the words of a phrase."""

_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WILD: Final = re.compile(r"(?<!\\)(?:\\\\)*[*?]")


def parse(text: str, now: datetime | None = None) -> Node:
    """Read a query; `now` is what date maths starts from. Raises QueryError with the place."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"it is longer than {MAX_LENGTH:,} characters", text[:60] + " …", 0)
    broken = _SURROGATE.search(text)
    if broken:
        raise QueryError("this character is not valid Unicode", text.encode(errors="replace").decode(), broken.start())
    if not text.strip():
        return Everything()
    return _Parser(text, now or datetime.now(UTC)).parse()


class _Parser:
    """Reads one query by recursive descent; None stands for what has no words and is left out."""

    def __init__(self, query: str, now: datetime) -> None:
        self._query, self._now = query, now
        self._tokens = tokens(query)
        self._token = next(self._tokens)
        self._clauses = self._brackets = 0

    def parse(self) -> Node:
        node = self._any_of(None)
        if self._token.kind is Kind.CLOSE:
            raise self._error("this bracket was never opened")
        if depth(node) > MAX_DEPTH:
            raise self._error(f"AND, OR and NOT are nested more than {MAX_DEPTH} levels deep", 0)
        return Nothing() if node is None else node

    def _any_of(self, field: Field | None) -> Node | None:
        parts = [self._all_of(field)]
        while self._take(Kind.OR):
            parts.append(self._all_of(field))
        return _join(Any, parts)

    def _all_of(self, field: Field | None) -> Node | None:
        parts = [self._unary(field)]
        while self._take(Kind.AND) or self._token.kind not in (Kind.OR, Kind.CLOSE, Kind.END):
            parts.append(self._unary(field))
        return _join(All, parts)

    def _unary(self, field: Field | None) -> Node | None:
        negative = False
        while self._token.kind in (Kind.NOT, Kind.PLUS):
            sign = self._advance()
            if self._is_negative_number(sign, field):
                return self._boosted(field, sign)
            negative ^= sign.kind is Kind.NOT
        node = self._boosted(field)
        return Not(node) if negative and node is not None else node

    def _is_negative_number(self, sign: Token, field: Field | None) -> bool:
        numeric = field is not None and field.type in (Type.FLOAT, Type.INTEGER)
        return numeric and sign.text in "+-" and self._token.kind is Kind.WORD and self._token.start == sign.end

    def _boosted(self, field: Field | None, sign: Token | None = None) -> Node | None:
        node = self._primary(field, sign)
        if self._token.kind is Kind.BOOST:
            weight = self._modifier(self._advance(), "a boost", 1.0)
            node = None if node is None else Boost(node, weight)
        if self._token.kind is Kind.BOOST:
            raise self._error("this weighs twice; one boost belongs after a word, a phrase or a bracket")
        return node

    def _primary(self, field: Field | None, sign: Token | None) -> Node | None:
        token = self._advance()
        match token.kind:
            case Kind.OPEN:
                return self._group(field, token)
            case Kind.FIELD:
                return self._field(token)
            case Kind.WORD | Kind.PHRASE | Kind.RANGE | Kind.COMPARE:
                return self._clause(field, token, sign)
        raise self._unexpected(token)

    def _group(self, field: Field | None, opening: Token) -> Node | None:
        self._brackets += 1
        if self._brackets > MAX_BRACKETS:
            raise self._error(f"brackets are nested more than {MAX_BRACKETS} levels deep", opening.start)
        if self._token.kind is Kind.CLOSE:
            raise self._error("nothing stands between these brackets", opening.start)
        node = self._any_of(field)
        if not self._take(Kind.CLOSE):
            raise self._error("this bracket is never closed", opening.start)
        self._brackets -= 1
        return node

    def _field(self, token: Token) -> Node | None:
        name = _unescape(token.text)
        if name == "*" and self._token.text == "*":
            self._advance()
            return Everything()
        if name == "_exists_":
            return self._exists()
        field = find_field(name)
        if field is None:
            raise self._error(_unknown(name), token.start)
        if self._token.kind in (Kind.END, Kind.CLOSE, Kind.AND, Kind.OR, Kind.NOT, Kind.PLUS):
            raise self._error(f"{name}: has no value; write {name}:* for records that have one", token.start)
        return self._primary(field, None)

    def _exists(self) -> Node:
        token = self._advance()
        field = find_field(_unescape(token.text))
        if field is None:
            raise self._error(_unknown(token.text), token.start)
        return Exists(field)

    def _clause(self, field: Field | None, token: Token, sign: Token | None) -> Node | None:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            raise self._error(f"it has more than {MAX_CLAUSES:,} words and values", token.start)
        if token.kind is Kind.COMPARE:
            return self._comparison(field, token)
        if token.kind is Kind.RANGE:
            return self._range(field, token)
        if field is None and token.kind is Kind.WORD and token.text == "*":
            return Everything()
        fuzz = self._advance() if self._token.kind is Kind.FUZZ else None
        fields = [FIELDS[name] for name in DEFAULT_FIELDS] if field is None else [field]
        text = token.text if sign is None else sign.text + token.text
        return _join(Any, [self._leaf(each, token, text, fuzz) for each in fields])

    def _leaf(self, field: Field, token: Token, text: str, fuzz: Token | None) -> Node | None:
        if token.kind is Kind.PHRASE:
            return self._quoted(field, token, fuzz)
        if fuzz is not None:
            return self._fuzzy(field, token, fuzz)
        if text == "*":
            return Exists(field)
        if _WILD.search(text):
            return self._wildcard(field, token)
        return self._equals(field, token, _unescape(text))

    def _quoted(self, field: Field, token: Token, fuzz: Token | None) -> Node | None:
        text = _unescape(token.text)
        if field.type is Type.TEXT:
            slop = 0 if fuzz is None else self._whole(fuzz, "the distance of a phrase", MAX_SLOP)
            node = _words(field, text, slop)
            if isinstance(node, Phrase) and not can_be_apart(len(node.words), slop):
                raise self._error("the distance is too large for a phrase of so many words", token.start)
            return node
        if fuzz is not None:
            raise self._error(f"~ after a phrase works on text; {field.name} is of type {field.type}", fuzz.start)
        return self._equals(field, token, text)

    def _equals(self, field: Field, token: Token, text: str) -> Node | None:
        if field.type is Type.TEXT:
            return _words(field, text)
        return self._read(lambda: equality(field, text, self._now), field, text, token.start)

    def _fuzzy(self, field: Field, token: Token, fuzz: Token) -> Node:
        if field.name not in FIELDS or field.type not in (Type.TEXT, Type.KEYWORD):
            raise self._error(f"{field.name} cannot be searched with ~; fixed text and keyword fields can", fuzz.start)
        word, distance = _unescape(token.text), self._whole(fuzz, "the distance of a word", 2)
        if field.type is Type.TEXT:
            word = word.lower()
        return Fuzzy(field, word, distance) if distance else Equals(field, word)

    def _wildcard(self, field: Field, token: Token) -> Node:
        if field.type not in (Type.TEXT, Type.KEYWORD):
            raise self._error(f"{field.name} is of type {field.type}; * and ? work on text and keywords", token.start)
        if field.name not in FIELDS and not is_prefix(token.text):
            raise self._error(f"{field.name} can be searched with * at the end of a value only", token.start)
        return Wildcard(field, token.text.lower() if field.type is Type.TEXT else token.text)

    def _comparison(self, field: Field | None, sign: Token) -> Node:
        token = self._advance()
        if token.kind is Kind.NOT and token.text == "-" and self._token.kind is Kind.WORD:
            number = self._advance()
            token = Token(Kind.WORD, "-" + number.text, token.start, number.end)
        if token.kind not in (Kind.WORD, Kind.PHRASE):
            raise self._error(f"a value belongs after {sign.text}", sign.start)
        text, included = _unescape(token.text), sign.text.endswith("=")
        low, high = (text, None) if sign.text.startswith(">") else (None, text)
        return self._bounds(field, low, high, included, included, sign.start, token.start)

    def _range(self, field: Field | None, token: Token) -> Node:
        found = RANGE.fullmatch(token.text)
        if found is None:  # the lexer has matched it
            raise self._unexpected(token)
        low, high = _bound(found[2]), _bound(found[3])
        if low is None and high is None and field is not None:
            return Exists(field)
        with_low, with_high = found[1] == "[", found[4] == "]"
        return self._bounds(field, low, high, with_low, with_high, token.start, token.start)

    def _bounds(
        self,
        field: Field | None,
        low: str | None,
        high: str | None,
        with_low: bool,
        with_high: bool,
        at: int,
        place: int,
    ) -> Node:
        if field is None:
            raise self._error("a range needs a field before it, such as score.complaint:>0.7", at)
        if field.type is Type.TEXT:
            raise self._error(f"{field.name} holds words; ranges work on numbers, dates and keywords", at)
        shown = " TO ".join(bound for bound in (low, high) if bound is not None)
        return self._read(lambda: bounds(field, low, high, with_low, with_high, self._now), field, shown, place)

    def _read(self, read: Callable[[], Node], field: Field, text: str, at: int) -> Node:
        try:
            return read()
        except ValueError as exc:
            raise self._error(f"{field.name} is a field of type {field.type}, and {text!r} {exc}", at) from None

    def _modifier(self, token: Token, name: str, default: float) -> float:
        if len(token.text) == 1:
            return default
        try:
            number = float(token.text[1:])
        except ValueError:
            raise self._error(f"{token.text[1:]!r} is not a number for {name}", token.start) from None
        if not number <= MAX_BOOST:
            raise self._error(f"{name} is at most {MAX_BOOST:,}", token.start)
        return number

    def _whole(self, token: Token, name: str, most: int) -> int:
        number = self._modifier(token, name, min(2, most))
        if number != int(number) or number > most:
            raise self._error(f"{name} is a whole number from 0 to {most}", token.start)
        return int(number)

    def _take(self, kind: Kind) -> bool:
        if self._token.kind is not kind:
            return False
        self._advance()
        return True

    def _advance(self) -> Token:
        token = self._token
        if token.kind is not Kind.END:
            self._token = next(self._tokens)
        return token

    def _unexpected(self, token: Token) -> QueryError:
        match token.kind:
            case Kind.END:
                return self._error("something is missing at the end", token.start)
            case Kind.CLOSE:
                return self._error("something is missing before this bracket", token.start)
            case Kind.FUZZ | Kind.BOOST:
                return self._error(f"{token.text[0]} belongs right after a word, a phrase or a bracket", token.start)
        return self._error(
            f'{token.text} has nothing before it; put "{token.text}" in quotes to look for the word', token.start
        )

    def _error(self, reason: str, at: int | None = None) -> QueryError:
        return QueryError(reason, self._query, self._token.start if at is None else at)


def depth(node: Node | None) -> int:
    """Return how many levels of AND, OR and NOT a tree has."""
    match node:
        case All(parts) | Any(parts):
            return 1 + max(map(depth, parts))
        case Not(part):
            return 1 + depth(part)
        case Boost(part):
            return depth(part)
    return 0


def can_be_apart(words: int, slop: int) -> bool:
    """Tell whether a phrase of so many words may be looked for with a distance."""
    return math.comb(slop + words - 1, words - 1) <= MAX_PLACES


def _join(kind: type[All] | type[Any], parts: list[Node | None]) -> Node | None:
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, kind):
            flat.extend(part.parts)
        elif part is not None:
            flat.append(part)
    return kind(tuple(flat)) if len(flat) > 1 else (flat[0] if flat else None)


def _words(field: Field, text: str, slop: int = 0) -> Node | None:
    words = _analysed(text)
    if len(words) < 2:
        return Equals(field, words[0]) if words else None
    return Phrase(field, words, slop)


@lru_cache(maxsize=64)
def _analysed(text: str) -> tuple[str, ...]:
    """Return the words of a text; what has no field before it is looked for in several."""
    return tuple(token.word for token in analyse(text))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _bound(text: str) -> str | None:
    if text == "*":
        return None
    return _unescape(text[1:-1] if text.startswith('"') else text)


def is_prefix(pattern: str) -> bool:
    """Tell whether the only wildcard of a pattern is a * at its end."""
    return pattern.endswith("*") and not _WILD.search(pattern[:-1])


def _unknown(name: str) -> str:
    known = [*FIELDS, *ALIASES, *(f"{prefix}NAME" for prefix in OPEN_FIELDS)]
    near = [full for full in FIELDS if full.endswith("." + name)] or difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else 'put text with a colon in "quotes"'
    return f"there is no field {name!r}; {hint}"
