"""Remembers what was made of lists of texts that are the same in most documents of a model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final, TypeVar

Texts = tuple[str, ...]
Made = TypeVar("Made")

_MOST: Final = 256
_MOST_CHARACTERS: Final = 64 * 2**10
"""What is made of more characters is made anew each time, so that memory stays bounded whatever is sent."""


def remembered(make: Callable[[Texts, Texts], Made]) -> Callable[[Texts, Texts], Made]:
    """Make something of the same two lists once; nobody may change what is returned."""
    known: dict[tuple[Texts, Texts], Made] = {}

    @functools.wraps(make)
    def made(first: Texts, second: Texts) -> Made:
        found = known.get((first, second))
        if found is None:
            found = make(first, second)
            if sum(map(len, first)) + sum(map(len, second)) <= _MOST_CHARACTERS:
                if len(known) >= _MOST:
                    known.clear()
                known[first, second] = found
        return found

    return made
