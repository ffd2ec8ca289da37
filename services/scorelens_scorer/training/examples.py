"""Documents with their tags, to learn from and to be measured on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.corpus import generate
from scorelens_scorer.training.feelings import FEELINGS

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When the corpus for training ends: a fixed day, so that training twice gives the same model."""


@dataclass(frozen=True)
class Examples:
    """Documents, and the tags each truly has."""

    documents: Sequence[Document]
    truth: Sequence[frozenset[str]]

    def having(self, tag: str) -> npt.NDArray[np.bool_]:
        """Tell of each document whether it has a tag."""
        return np.array([tag in tags for tags in self.truth])

    def __add__(self, other: Examples) -> Examples:
        return Examples([*self.documents, *other.documents], [*self.truth, *other.truth])


def corpus(count: int, seed: int, kinds: Mapping[str, int]) -> Examples:
    """Return documents of some kinds from the generator."""
    return _examples(_example(made) for made in generate(count, seed, NOW, kinds))


def strangers(count: int) -> Examples:
    """Return customers who never did anything, and to whom nothing should be offered."""
    return Examples([Document(kind="activity")] * count, [frozenset()] * count)


def fragments(count: int, seed: int) -> Examples:
    """Return bits of text in which words of feeling stand among other words.

    They teach sentiment many more words than the sentences of the corpus have, and that the words between do not count.
    """
    rng = Random(seed)  # noqa: S311
    return _examples(_fragment(rng) for _ in range(count))


def _examples(pairs: Iterable[tuple[Document, frozenset[str]]]) -> Examples:
    kept = list(pairs)
    return Examples([document for document, _ in kept], [tags for _, tags in kept])


def _example(made: Mapping[str, Any]) -> tuple[Document, frozenset[str]]:
    fields = {name: value for name, value in made.items() if name not in ("truth", "published_time", "events")}
    events = [event | {"time": datetime.fromisoformat(event["time"])} for event in made.get("events", ())]
    return Document(**fields, events=events), frozenset(made["truth"])


def _fragment(rng: Random) -> tuple[Document, frozenset[str]]:
    mood, other = rng.choice((("good", "bad"), ("bad", "good"), ("plain", "plain")))
    said = [rng.choice(FEELINGS["plain_word"]) for _ in range(int(rng.triangular(1, 22, 5)))]
    for word in _feelings(mood, other, len(said), rng):
        said.insert(rng.randint(0, len(said)), word)
    tags = {"good": ("positive",), "bad": ("negative",), "plain": ()}[mood]
    return Document(text=" ".join(said)), frozenset(tags)


def _feelings(mood: str, other: str, length: int, rng: Random) -> Iterator[str]:
    if mood == "plain":
        return
    for _ in range(1 + int(rng.random() ** 2 * 3) + length // 8):
        yield rng.choice(FEELINGS[f"{mood}_word"])
    if rng.random() < 0.25:
        yield rng.choice(("not", "never", "no")) + " " + rng.choice(FEELINGS[f"{other}_word"])
