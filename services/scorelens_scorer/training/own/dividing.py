"""Which documents are learned from, which calibrate, and which are held out to be measured on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from scorelens_scorer.training.examples import Examples
from scorelens_scorer.training.own.reading import Labelled

LEARN, ASIDE, HELD_OUT = 0, 1, 2
DEALT: Final = (0, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0, 2, 0)
"""Parts of twenty texts: fourteen to learn from, three to calibrate on, three held out."""

RARE: Final = 200
"""Texts of tags with fewer than this many are dealt out in turn, so that chance leaves no part without them."""

FEWEST: Final = 20
"""Texts that must have a tag, and that must not, for it to be learned."""

MOST_TAGS: Final = 500

Parts = npt.NDArray[np.int8]


def divide(labelled: Labelled) -> Parts:
    """Return the part of each document; one text is always in one part, and stays there when the file grows."""
    tags_of_text: dict[int, frozenset[str]] = {}
    place_of_text: dict[int, int] = {}
    identities = labelled.identity.tolist()
    for identity, place, tags in zip(identities, labelled.place.tolist(), labelled.examples.truth, strict=True):
        tags_of_text[identity] = tags_of_text.get(identity, frozenset()) | tags
        place_of_text[identity] = place
    counts = Counter(tag for tags in tags_of_text.values() for tag in tags)
    part = {identity: DEALT[place % len(DEALT)] for identity, place in place_of_text.items()}
    part |= _dealt(tags_of_text, place_of_text, counts)
    return np.array([part[identity] for identity in identities], np.int8)


def of_part(labelled: Labelled, parts: Parts, part: int) -> Examples:
    """Return the documents of a part, in the order of the file."""
    places = np.flatnonzero(parts == part).tolist()
    examples = labelled.examples
    return Examples([examples.documents[place] for place in places], [examples.truth[place] for place in places])


def learnable(labelled: Labelled, parts: Parts) -> tuple[list[str], dict[str, str]]:
    """Return the tags that can be learned, sorted, and the reason for each other one."""
    texts: dict[str, set[int]] = {}
    for identity, tags in zip(labelled.identity.tolist(), labelled.examples.truth, strict=True):
        for tag in tags:
            texts.setdefault(tag, set()).add(identity)
    every = len(set(labelled.identity.tolist()))
    reasons = {tag: reason for tag, having in texts.items() if (reason := _reason(len(having), every))}
    good = sorted((tag for tag in texts if tag not in reasons), key=lambda tag: (-len(texts[tag]), tag))
    reasons |= dict.fromkeys(good[MOST_TAGS:], f"more than {MOST_TAGS} others are more frequent")
    chosen, lacking = _in_every_part(good[:MOST_TAGS], labelled.examples.truth, parts)
    return sorted(chosen), reasons | lacking


def _reason(having: int, every: int) -> str:
    if having < FEWEST:
        return f"{having} {'text has' if having == 1 else 'texts have'} it, {FEWEST} are needed"
    if every - having < FEWEST:
        return "every text has it" if every == having else f"all but {every - having} texts have it, too many"
    return ""


def _in_every_part(
    tags: Sequence[str], truth: Sequence[frozenset[str]], parts: Parts
) -> tuple[list[str], dict[str, str]]:
    having = [
        Counter(tag for tags, own in zip(truth, parts, strict=True) if own == part for tag in tags)
        for part in (LEARN, ASIDE, HELD_OUT)
    ]
    sizes = np.bincount(parts, minlength=3).tolist()
    good = [tag for tag in tags if all(0 < count[tag] < size for count, size in zip(having, sizes, strict=True))]
    return good, {tag: "some part of the split has only texts with it, or none" for tag in tags if tag not in good}


def _dealt(
    tags_of_text: Mapping[int, frozenset[str]], place_of_text: Mapping[int, int], counts: Counter[str]
) -> dict[int, int]:
    hands: dict[str, list[int]] = {}
    for identity, tags in tags_of_text.items():
        rarest = min(tags, key=lambda tag: (counts[tag], tag), default="")
        if rarest and counts[rarest] < RARE:
            hands.setdefault(rarest, []).append(identity)
    return {
        identity: DEALT[turn % len(DEALT)]
        for hand in hands.values()
        for turn, identity in enumerate(sorted(hand, key=place_of_text.__getitem__))
    }
