"""Whether a word matches a pattern or is near another, and where phrases stand (pure).

No query and no text takes longer than about its length: what people search by, and what is searched, is foreign.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache


@lru_cache(maxsize=256)
def wildcard(pattern: str) -> re.Pattern[str]:
    """Return what fully matches the words that a pattern of `*`, `?` and escaped signs means.

    What stands between two stars is taken where it is found first and never looked for again, which finds all that
    there is: where it is found later, the rest of the pattern has less room.
    """
    pieces = [""]
    for sign in re.findall(r"\\.|.", pattern, re.DOTALL):
        if sign == "*":
            pieces.append("")
        else:
            pieces[-1] += "." if sign == "?" else re.escape(sign[-1])
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    first, *between, last = pieces
    found_first = "".join(f"(?>.*?{piece})" for piece in between if piece)
    return re.compile(f"{first}{found_first}.*{last}", re.DOTALL)


def longest_part(pattern: str) -> str:
    """Return the longest run of characters that every word has which matches a pattern; empty where there is none."""
    runs = [""]
    for sign in re.findall(r"\\.|.", pattern, re.DOTALL):
        if sign in ("*", "?"):
            runs.append("")
        else:
            runs[-1] += sign[-1]
    return max(runs, key=len)


def edits(one: str, other: str, most: int) -> int:
    """Count the edits between two words, a transposition as one; more than `most` count as one more than that."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i, *[0] * len(other)]
        for j, against in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                row[j] = min(row[j], earlier[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def positions(words: Iterable[str], sought: Container[str] | None = None) -> Mapping[str, Sequence[int]]:
    """Return where each word stands in a text, or each that is sought."""
    found: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        if sought is None or word in sought:
            found.setdefault(word, []).append(place)
    return found


def phrases(places: Mapping[str, Sequence[int]], words: Sequence[str], slop: int) -> Iterator[tuple[int, ...]]:
    """Yield where the words of a phrase stand, in their order and with at most `slop` others between them.

    From each place of the first word on, every word is taken where it comes next, which leaves the fewest out.
    """
    for start in places.get(words[0], ()) if words else ():
        found = [start]
        for word in words[1:]:
            there = places.get(word, ())
            next_one = bisect_right(there, found[-1])
            if next_one == len(there):
                return  # nor behind any later place of the first word
            found.append(there[next_one])
        if found[-1] - start < len(words) + slop:
            yield tuple(found)
