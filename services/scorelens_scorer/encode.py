"""What a model said, as the bytes of an answer.

An answer is put together of pieces: what is the same for every document is written once, names of features are kept as
bytes, and numbers are cut out of arrays. Fields are in the order of their numbers, as protobuf's own writers have them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from scorelens.v1.scorer_pb2 import Document
from scorelens_runtime.wire import FIXED64, field, key, length
from scorelens_scorer.errors import ModelFaultError
from scorelens_scorer.model import Calculations, Explanation, Floats, Whole
from scorelens_scorer.tags import Tag
from scorelens_scorer.wire import (
    cut,
    double,
    is_zero,
    pairs,
    prefixes,
    text,
    varint_sizes,
    whole,
)

Objects = npt.NDArray[np.object_]
_TAG: Final = 3  # number of the field of both Result and DocumentCalculation
_TERMS: Final = 4
_FEW: Final = 256
_LARGEST_COUNT: Final = 2**32 - 1


@dataclass(frozen=True)
class Part:
    """A piece for each cell, that is, for each tag of each document, and how many bytes each has."""

    pieces: Sequence[bytes]
    sizes: Whole


class Encoder:
    """Writes what one model said, with what is the same for every document written beforehand."""

    def __init__(self, model: str, version: str, tags: Sequence[Tag]) -> None:
        self._model = f"model {model} {version}"
        self._reference = field(2, text(1, model) + text(2, version))
        self._tags = tags
        self._thresholds = np.array([tag.threshold for tag in tags])
        self._before, self._after = _scores(tags)
        self._ends = Table([[double(10, tag.threshold) + whole(11, selected) for tag in tags] for selected in (0, 1)])
        self._heads, self._links = lru_cache(16)(self._make_heads), lru_cache(16)(self._make_links)
        self._names: tuple[object, Objects] = ((), np.empty(0, object))

    def encode(
        self, documents: Sequence[Document], chances: Floats, made: Calculations | None, *, full: bool
    ) -> tuple[list[bytes], list[bytes]]:
        """Return each document's `results` field of a ScoreResponse, and its `documents` field of the calculations.

        Without the full view there are no calculations. Raises ModelFaultError for what cannot be written.
        """
        ranked = _Ranked(chances, self._thresholds)
        heads = [text(1, document.id) + self._reference for document in documents]
        results = _documents(2, heads, self._tag_scores(ranked))
        if not full:
            return results, []
        try:
            parts = self._calculations(ranked, made or _unexplained(chances))
        except (TypeError, ValueError, AttributeError, struct.error) as error:  # UnicodeEncodeError is a ValueError
            raise ModelFaultError(f"{self._model} returned names or numbers that are none: {error}") from error
        return results, _documents(1, heads, parts)

    def _tag_scores(self, ranked: _Ranked) -> list[Part]:
        shape = ranked.selected + 2 * ranked.zero
        return [self._before.pick(shape, ranked.tags), ranked.written, self._after.pick(shape)]

    def _calculations(self, ranked: _Ranked, made: Calculations) -> list[Part]:
        parts = [self._head(ranked, made)]
        if made.starts is not None:
            terms = _terms(np.asarray(made.starts), ranked.cells, made, self._encoded(made))
            parts += [_prefixes(_TERMS, terms), *terms]
        parts += [
            _doubles(5, _of_cells(made.remainders, ranked)),
            _counts(6, _of_cells(made.remainder_terms, ranked)),
            _doubles(7, _of_cells(made.margins, ranked)),
            self._link(made).pick(ranked.zero.astype(np.intp), ranked.tags),
            ranked.written,
            self._ends.pick(ranked.selected.astype(np.intp), ranked.tags),
        ]
        if made.intermediates:
            parts.append(_intermediates(ranked, made))
        return [_prefixes(_TAG, parts), *parts]

    def _head(self, ranked: _Ranked, made: Calculations) -> Part:
        """Write the fields before the terms: tag, explanation and intercept."""
        intercepts = np.asarray(made.intercepts, float)
        if intercepts.ndim == 1:
            return self._heads(int(made.explanation), intercepts.tobytes()).pick(
                ranked.tags
            )  # 0.0 equals -0.0, bytes do not
        firsts = [text(1, tag.id) + whole(2, int(made.explanation)) for tag in self._tags]
        values = intercepts.ravel()[ranked.cells].tolist()
        return _part([firsts[tag] + double(3, value) for tag, value in zip(ranked.tags.tolist(), values, strict=True)])

    def _link(self, made: Calculations) -> Table:
        if made.link_parameters:
            return self._make_links(made.link, tuple(made.link_parameters))
        return self._links(made.link)

    def _make_heads(self, explanation: int, intercepts: bytes) -> Table:
        return Table(
            [
                text(1, tag.id) + whole(2, explanation) + double(3, value)
                for tag, value in zip(self._tags, np.frombuffer(intercepts).tolist(), strict=True)
            ]
        )

    def _make_links(self, link: str, parameters: Sequence[Mapping[str, float]] = ()) -> Table:
        """Write each tag's link, and what stands before a probability that is not zero."""
        links = [field(8, text(1, link) + pairs(2, each)) for each in parameters or [{}] * len(self._tags)]
        return Table([[link + chance for link in links] for chance in (key(9, FIXED64), b"")])

    def _encoded(self, made: Calculations) -> Objects:
        """Return the `feature` field of each term; names that are the same in every batch are written once."""
        if made.columns is None:
            return _objects([field(1, name.encode()) for name in made.features])
        known, written = self._names
        if known is not made.features:
            written = _objects([field(1, name.encode()) for name in made.features])
            self._names = made.features, written
        return written[np.asarray(made.columns)]


def response(results: Sequence[bytes], calculations: Sequence[bytes] | None) -> bytes:
    """Join what `encode` made of all documents to a ScoreResponse; calculations, where there are some, come first."""
    if calculations is None:
        return b"".join(results)
    # One copy of what may be megabytes.
    return b"".join([*prefixes(1, [sum(map(len, calculations))]), *calculations, *results])


class Table:
    """Pieces that are written beforehand, to be picked by their places."""

    def __init__(self, pieces: Any) -> None:
        """Take bytes in a list, or in lists of one length, which are picked by two places."""
        self._pieces = np.array(pieces, object)
        self._sizes = np.array([len(piece) for piece in self._pieces.flat]).reshape(self._pieces.shape)

    def pick(self, *places: Whole) -> Part:
        """Return the pieces at some places."""
        return Part(self._pieces[places].tolist(), self._sizes[places])


class _Ranked:
    """The cells of a batch in the order in which they are written: by document, the most probable tag first."""

    def __init__(self, chances: Floats, thresholds: Floats) -> None:
        documents, self.width = chances.shape
        order = np.argsort(-chances, axis=1, kind="stable")
        self.tags: Whole = order.ravel()
        self.cells: Whole = (order + np.arange(0, documents * self.width, self.width)[:, None]).ravel()
        self.chances: Floats = np.ascontiguousarray(chances).ravel()[self.cells]
        self.selected = self.chances >= thresholds[self.tags]
        self.zero = is_zero(self.chances)
        self.written = Part(cut(b"", self.chances), np.where(self.zero, 0, 8))


def _scores(tags: Sequence[Tag]) -> tuple[Table, Table]:
    """Return what stands before a probability in a TagScore, and after it, by selected and zero."""
    before, after = [], []
    for zero in (False, True):
        for selected in (False, True):
            chance, end = (b"" if zero else key(4, FIXED64)), whole(5, selected)
            named = [text(1, tag.id) + text(2, tag.title) + text(3, tag.group) + chance for tag in tags]
            rest = len(end) + (0 if zero else 8)
            before.append([key(_TAG) + length(len(name) + rest) + name for name in named])
            after.append(end)
    return Table(before), Table(after)


def _documents(number: int, heads: list[bytes], parts: Sequence[Part]) -> list[bytes]:
    """Join the pieces of each document to one field: its head, then its cells."""
    step = len(parts) * len(parts[0].pieces) // len(heads)
    pieces = [b""] * (len(heads) * step)
    for place, part in enumerate(parts):
        pieces[place :: len(parts)] = part.pieces
    sizes = _sum(parts).reshape(len(heads), -1).sum(axis=1) + [len(head) for head in heads]
    return [
        b"".join([before, head, *pieces[place * step : (place + 1) * step]])
        for place, (before, head) in enumerate(zip(prefixes(number, sizes.tolist()), heads, strict=True))
    ]


def _terms(starts: Whole, cells: Whole, made: Calculations, names: Objects) -> list[Part]:
    """Write the terms of each cell: names, values, coefficients and contributions."""
    first, end = starts[cells], starts[cells + 1]
    named = names.tolist()
    parts = [_part([b"".join(named[a:b]) for a, b in zip(first.tolist(), end.tolist(), strict=True)])]
    spans = list(zip((8 * first).tolist(), (8 * end).tolist(), strict=True))
    counts = end - first
    for number, values in enumerate((made.values, made.coefficients, made.contributions), 2):
        written = np.ascontiguousarray(values, "<f8").tobytes()
        parts += [
            _before_doubles(number, counts),
            Part([written[a:b] for a, b in spans], 8 * counts),
        ]
    return parts


def _before_doubles(number: int, counts: Whole) -> Part:
    """Write what stands before so many packed doubles, nothing before none."""
    if counts.max() < _FEW:
        return _before_few_doubles(number).pick(counts)
    return _part([key(number) + length(8 * count) if count else b"" for count in counts.tolist()])


@lru_cache
def _before_few_doubles(number: int) -> Table:
    return Table([b"", *(key(number) + length(8 * count) for count in range(1, _FEW))])


def _doubles(number: int, values: Floats) -> Part:
    return Part(cut(key(number, FIXED64), values), np.where(is_zero(values), 0, 9))


def _counts(number: int, values: Floats) -> Part:
    if not ((values >= 0) & (values <= _LARGEST_COUNT) & (values == np.floor(values))).all():
        raise ValueError("remainder_terms that are no counts")
    counts = values.astype(np.int64)
    return Part([whole(number, count) for count in counts.tolist()], varint_sizes(counts) + (counts > 0))


def _intermediates(ranked: _Ranked, made: Calculations) -> Part:
    rows = zip(*(_of_cells(array, ranked).tolist() for array in made.intermediates.values()), strict=True)
    return _part([pairs(12, dict(zip(made.intermediates, row, strict=True))) for row in rows])


def _of_cells(array: Any, ranked: _Ranked) -> Floats:
    """Return the numbers of an array (documents, tags) in the order of the cells, zeros for no array."""
    if array is None:
        return np.zeros(len(ranked.cells))
    return np.asarray(array, float).ravel()[ranked.cells]


def _part(pieces: list[bytes]) -> Part:
    return Part(pieces, np.fromiter(map(len, pieces), np.intp, len(pieces)))


def _prefixes(number: int, parts: Sequence[Part]) -> Part:
    """Write what stands before a field of some parts."""
    return _part(prefixes(number, _sum(parts).tolist()))


def _sum(parts: Sequence[Part]) -> Whole:
    """Return how many bytes each cell has in some parts."""
    sizes: Whole = np.sum([part.sizes for part in parts], axis=0)
    return sizes


def _objects(values: Sequence[bytes]) -> Objects:
    made = np.empty(len(values), object)
    made[:] = values
    return made


def _unexplained(chances: Floats) -> Calculations:
    return Calculations(Explanation.NONE, np.zeros(chances.shape[1]), chances, link="identity")
