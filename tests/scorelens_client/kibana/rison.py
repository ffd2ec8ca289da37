"""A reader of Rison, written from its grammar: what was written has to come back."""

from __future__ import annotations

import json
from typing import Any

_WORDS = {"!t": True, "!f": False, "!n": None}
_END = " '!:(),*@$"


def decode(text: str) -> Any:
    """Return the value that a whole text stands for."""
    value, at = _value(text, 0)
    assert at == len(text), text[at:]
    return value


def _value(text: str, at: int) -> tuple[Any, int]:
    if text[at : at + 2] in _WORDS:
        return _WORDS[text[at : at + 2]], at + 2
    if text.startswith("!(", at):
        return _array(text, at + 2)
    if text[at] == "(":
        return _object(text, at + 1)
    if text[at] == "'":
        return _quoted(text, at + 1)
    return _bare(text, at)


def _array(text: str, at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while text[at] != ")":
        at += bool(found)
        value, at = _value(text, at)
        found.append(value)
    return found, at + 1


def _object(text: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while text[at] != ")":
        at += bool(found)
        name, at = _value(text, at)
        assert text[at] == ":"
        found[str(name)], at = _value(text, at + 1)
    return found, at + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    found = ""
    while text[at] != "'":
        at += text[at] == "!"
        found += text[at]
        at += 1
    return found, at + 1


def _bare(text: str, at: int) -> tuple[Any, int]:
    end = next((place for place in range(at, len(text)) if text[place] in _END), len(text))
    word = text[at:end]
    assert word
    return (json.loads(word) if word[0] in "-0123456789" else word), end
