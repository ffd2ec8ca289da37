"""Queries as trees: what a query means, with every field resolved and every value of the field's type.

Stores translate these nodes and nothing else, so that one query matches the same records everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from scorelens_store.fields import Field, Type

Value = str | float | int | bool | datetime


@dataclass(frozen=True)
class Everything:
    """Matches every record."""


@dataclass(frozen=True)
class Nothing:
    """Matches no record, like a phrase without any word."""


@dataclass(frozen=True)
class Equals:
    """Matches a value of a keyword, number, date or boolean field, or one word of a text field.

    The word of a text field has been analysed.
    """

    field: Field
    value: Value


@dataclass(frozen=True)
class Phrase:
    """Matches analysed words of a text field that stand in this order, `slop` positions apart at most."""

    field: Field
    words: tuple[str, ...]
    slop: int = 0


@dataclass(frozen=True)
class Range:
    """Matches values between two bounds; None is open."""

    field: Field
    low: Value | None
    high: Value | None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True)
class Wildcard:
    """Matches whole keywords, or analysed words of a text field, with * for any run and ? for any one character.

    A backslash takes the next character as it is. Lower-cased already for text fields.
    """

    field: Field
    pattern: str


@dataclass(frozen=True)
class Fuzzy:
    """Matches words that differ by at most `distance` edits, transpositions counted as one; distance is 1 or 2."""

    field: Field
    word: str
    distance: int = 2


@dataclass(frozen=True)
class Exists:
    """Matches records in which the field has a value."""

    field: Field


@dataclass(frozen=True)
class All:
    """Matches what every part matches."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Any:
    """Matches what at least one part matches."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """Matches what the part does not match."""

    part: Node


@dataclass(frozen=True)
class Boost:
    """Weighs the part when hits are ordered by relevance; matches the same."""

    part: Node
    weight: float


Node = Everything | Nothing | Equals | Phrase | Range | Wildcard | Fuzzy | Exists | All | Any | Not | Boost


def fields_of(node: Node) -> Iterator[str]:
    """Yield the full names of the fields that a query names."""
    match node:
        case All(parts) | Any(parts):
            for part in parts:
                yield from fields_of(part)
        case Not(part) | Boost(part, _):
            yield from fields_of(part)
        case Equals(field) | Phrase(field) | Range(field) | Wildcard(field) | Fuzzy(field) | Exists(field):
            yield field.name
        case _:
            return


def is_weighed(node: Node) -> bool:
    """Tell whether a tree has words whose weight orders its matches."""
    match node:
        case All(parts) | Any(parts):
            return any(is_weighed(part) for part in parts)
        case Boost(part):
            return is_weighed(part)
        case Equals(field) | Phrase(field) | Wildcard(field) | Fuzzy(field):
            return field.type is Type.TEXT
    return False
