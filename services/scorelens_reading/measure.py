"""How wide text is, about, without a font."""

from __future__ import annotations

import unicodedata
from itertools import accumulate, takewhile
from typing import Final

_NARROW: Final = frozenset("iljtfrI.,:;|!'`()[]{}/\\ -")
_BROAD: Final = frozenset("mwMW@%—…")


def width(text: str) -> float:
    """Return the width of text in a proportional font, in ems; a little more rather than less."""
    return sum(map(_width, text))


def fitting(text: str, ems: float) -> str:
    """Return text, cut and with an ellipsis where it is wider than so many ems."""
    if width(text) <= ems:
        return text
    room = ems - _width("…")
    widths = accumulate(map(_width, text))
    taken = sum(1 for _ in takewhile(lambda so_far: so_far <= room, widths))
    return text[:taken].rstrip() + "…"


def _width(sign: str) -> float:
    if unicodedata.combining(sign):
        return 0.0
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.1
    if sign in _NARROW:
        return 0.36
    if sign in _BROAD:
        return 0.95
    return 0.7 if sign.isupper() else 0.58
