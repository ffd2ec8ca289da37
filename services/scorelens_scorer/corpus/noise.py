"""How people really write: slips of the finger, slang, capitals, emoji."""

from __future__ import annotations

import re
from random import Random

from scorelens_scorer.corpus.vocabulary import EMOJI, SLANG

_SLANG = re.compile(r"\b(" + "|".join(re.escape(word) for word in SLANG) + r")\b")


def typos(text: str, count: int, rng: Random) -> str:
    """Swap, drop or double letters at a few random places."""
    for _ in range(count):
        if len(text) < 3:
            return text
        place = rng.randrange(len(text) - 1)
        pair = text[place : place + 2]
        if pair.isalpha():
            text = text[:place] + rng.choice((pair[::-1], pair[1], pair[0] + pair)) + text[place + 2 :]
    return text


def slang(text: str, rng: Random) -> str:
    """Write about half of the words that have a short form in short."""
    return _SLANG.sub(lambda match: SLANG[match[0]] if rng.random() < 0.5 else match[0], text)


def emoji(mood: str, rng: Random) -> str:
    """Return one to three emoji of a mood, now and then of another one."""
    kind = mood if rng.random() < 0.93 else "plain"
    return rng.choice(EMOJI[kind]) * rng.choice((1, 1, 1, 2, 3))


def casual(text: str, mood: str, rng: Random) -> str:
    """Write a short text as people do on a phone."""
    chance = rng.random()
    if chance < 0.25:
        text = text.lower()
    elif chance < 0.29:
        text = text.upper()
    if rng.random() < 0.3:
        text = slang(text, rng)
    if rng.random() < 0.35:
        text = typos(text, 1 + len(text) // 60, rng)
    if rng.random() < 0.3:
        text = f"{text} {emoji(mood, rng)}"
    return text
