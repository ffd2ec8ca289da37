"""Where the features of a model stand in a text (pure).

Names of features are free. These ways of naming are known here, and whatever is called otherwise, such as a property of
the document, stands nowhere:

- `~_ref` is a part of a word, as the reference models have it: what follows `~` stands in a word of the text in lower
  case, with `_` for the word's edges;
- `still no` are words that follow each other, split as the reference models do or else as every store does;
- `tfidf__refund` is the feature `refund` of a step that is called tfidf, as scikit-learn writes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final

from scorelens_store.query.analysis import analyse

Span = tuple[int, int]
Place = tuple[Span, ...]
"""Where a feature stands once: the span of each of its words, in characters of the text."""

PART: Final = "~"
"""Begins the name of a feature that is a part of a word."""

TOKENS: Final = re.compile(
    # As scorelens_scorer.features.text has it, which a test compares it with.
    r"[@#]?\w+(?:['’]\w+)*|[:;=][-']?[()dp/]|<3|[!?]+|[\u2600-\u27bf\U0001f300-\U0001faff]"
)

_RUN: Final = re.compile(r"\S+")
_ZERO_WIDTH_JOINER: Final = "\u200d"
_SKIN: Final = range(0x1F3FB, 0x1F400)
_TAIL: Final = range(0xE0020, 0xE0080)  # of the flags of England, Scotland and Wales


class Words:
    """Words in order, with the span of each, and where each word is among them."""

    def __init__(self, words: Iterable[tuple[str, Span]]) -> None:
        self.words = list(words)
        self._index: dict[str, list[int]] = {}
        for at, (word, _) in enumerate(self.words):
            self._index.setdefault(word, []).append(at)

    def find(self, wanted: Sequence[str]) -> Sequence[Place]:
        """Return where words follow each other."""
        found = []
        for at in self._index.get(wanted[0], ()) if wanted else ():
            here = self.words[at : at + len(wanted)]
            if [word for word, _ in here] == list(wanted):
                found.append(tuple(span for _, span in here))
        return found


@dataclass(frozen=True)
class Places:
    """A text, and where features stand in it."""

    text: str

    def find(self, features: Iterable[str]) -> Mapping[str, Sequence[Place]]:
        """Return the places of each feature that has any."""
        wanted = list(dict.fromkeys(features))
        parts = self._parts([name for name in wanted if name.startswith(PART)])
        found = {name: parts.get(name) if name.startswith(PART) else self._sequences(name) for name in wanted}
        return {name: places for name, places in found.items() if places}

    @cached_property
    def units(self) -> Sequence[Span]:
        """Return the spans that are marked as a whole: words, and the signs beside them.

        None of them ends within what is shown as one sign, such as a letter and its vowel sign, or a family of emoji.
        """
        return list(_units(self.text, chain.from_iterable(span for _, span in self._tokens.words)))

    def _sequences(self, name: str) -> Sequence[Place]:
        for own in dict.fromkeys((name, name.rpartition("__")[2])):
            if places := self._tokens.find(_tokens(own)) or self._stored_words.find(_stored(own)):
                return places
        return ()

    def _parts(self, names: Sequence[str]) -> Mapping[str, Sequence[Place]]:
        wanted = {name.removeprefix(PART): name for name in names}
        sizes = sorted(set(map(len, wanted)))
        found: dict[str, list[Place]] = {}
        for run, starts in self._runs.items() if wanted else ():
            for part, first, last in _parts_of(run, sizes, wanted):
                places = found.setdefault(wanted[part], [])
                places.extend((self._span(start + first, start + last),) for start in starts)
        return {name: sorted(places) for name, places in found.items()}

    @cached_property
    def _runs(self) -> Mapping[str, Sequence[int]]:
        """Return what stands between blanks, in lower case, and where each begins."""
        runs: dict[str, list[int]] = {}
        for match in _RUN.finditer(self._lowered):
            runs.setdefault(match[0], []).append(match.start())
        return runs

    @cached_property
    def _tokens(self) -> Words:
        found = TOKENS.finditer(self._lowered)
        return Words((match[0], self._span(match.start(), match.end())) for match in found)

    @cached_property
    def _stored_words(self) -> Words:
        return Words((token.word, (token.start, token.end)) for token in analyse(self.text))

    @cached_property
    def _lowered(self) -> str:
        return self.text.lower()

    @cached_property
    def _origins(self) -> Sequence[int]:
        """Return where in the text each character in lower case comes from: some letters become two."""
        return [place for place, sign in enumerate(self.text) for _ in sign.lower()]

    def _span(self, start: int, end: int) -> Span:
        if len(self._lowered) == len(self.text):
            return start, end
        return self._origins[start], self._origins[end - 1] + 1


def _tokens(name: str) -> Sequence[str]:
    """Return the words of a name as the reference models split them; none where it is more than words."""
    tokens = TOKENS.findall(name.lower())
    return tokens if " ".join(tokens) == name.lower() else ()


def _stored(name: str) -> Sequence[str]:
    """Return the words of a name as stores split them; none where it is more than words."""
    words = [token.word for token in analyse(name)]
    return words if "".join(words) == "".join(name.lower().split()) else ()


def _parts_of(run: str, sizes: Sequence[int], wanted: Mapping[str, str]) -> Iterator[tuple[str, int, int]]:
    """Yield the wanted parts of a word, and where each begins and ends in it."""
    padded = f"_{run}_"
    for size in sizes:
        for at in range(len(padded) - size + 1):
            part = padded[at : at + size]
            first, last = max(0, at - 1), min(len(run), at + size - 1)
            if part in wanted and first < last:
                yield part, first, last


def _units(text: str, edges: Iterable[int]) -> Iterator[Span]:
    cuts = {at for at in edges if 0 < at < len(text) and not _holds_together(text, at)}
    for run in _RUN.finditer(text):
        start = run.start()
        for at in sorted(cuts.intersection(range(start + 1, run.end()))):
            yield start, at
            start = at
        yield start, run.end()


def _holds_together(text: str, at: int) -> bool:
    """Tell whether what stands before and after a place is shown as one sign."""
    before, after = text[at - 1], text[at]
    return (
        _ZERO_WIDTH_JOINER in (before, after)
        or _kind(after) == "M"
        or (_kind(before) == "M" and _kind(after) == "L")  # which may be drawn as one
        or ord(after) in _SKIN
        or ord(after) in _TAIL
    )


def _kind(sign: str) -> str:
    """Return L for a letter, M for a mark on what stands before it, or the like."""
    return unicodedata.category(sign)[0]
