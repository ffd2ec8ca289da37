"""Queries with one word more, as people write them (pure)."""

from __future__ import annotations

import re
from typing import Final

from scorelens_store.fields import Type, find_field

_WORD: Final = re.compile(r"\w+")
_VALUE: Final = re.compile(r"\w[\w.-]*")
_OPERATORS: Final = frozenset({"AND", "OR", "NOT", "TO"})
_ALTERNATIVE: Final = re.compile(r"\bOR\b|\|\|")
_NAME_SIGN: Final = re.compile(r'([\\()\[\]{}"^~:])')


def narrowed(query: str, field: str, word: str) -> str:
    """Return the query for those of a query's matches that have a word too: in a field, or where words are looked for.

    The word is one that a store has: of a text, or the whole value of a keyword field.
    """
    found = find_field(field) if field else None
    plain = _WORD if found is None or found.type is Type.TEXT else _VALUE
    value = word if plain.fullmatch(word) and word not in _OPERATORS else _quoted(word)
    last = f"{_name(field)}:{value}" if field else value
    before = query.strip()
    if before in ("", "*"):
        return last
    return f"({before}) {last}" if _ALTERNATIVE.search(before) else f"{before} {last}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(field: str) -> str:
    escaped = _NAME_SIGN.sub(r"\\\1", field)
    return f"\\{escaped}" if escaped[0] in "+-!/<>&|" else escaped
