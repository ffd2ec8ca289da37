"""What a model said, as the bytes of an answer.

An answer is put together of pieces: what is the same for every document is written once, names of features are kept as
bytes, and numbers are copied in blocks. Fields are in the order of their numbers, as protobuf's own writers have them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.errors import ModelFaultError
from scorelens_scorer.model import Calculations, Explanation, Floats, Whole
from scorelens_scorer.tags import Tag
from scorelens_scorer.wire import (
    double,
    doubles,
    field,
    fields,
    fixed64,
    is_zero,
    key,
    length,
    packed,
    pairs,
    prefixes,
    split,
    text,
    varint_sizes,
    varints,
    whole,
)

Objects = npt.NDArray[np.object_]
Part = list[bytes]
"""A piece for each cell, that is, for each tag of each document."""

_TAG: Final = 3  # number of the field of both Result and DocumentCalculation
_LARGEST_COUNT: Final = 2**32 - 1


class Encoder:
    """Writes what one model said, with what is the same for every document written beforehand."""

    def __init__(self, model: str, version: str, tags: Sequence[Tag]) -> None:
        self._reference = field(2, text(1, model) + text(2, version))
        self._model = f"model {model} {version}"
        self._tags = tags
        self._thresholds = np.array([tag.threshold for tag in tags])
        self._scores = _scores(tags)
        self._names: tuple[object, Objects] = ((), np.empty(0, object))

    def encode(
        self, documents: Sequence[Document], chances: Floats, made: Calculations | None, *, full: bool
    ) -> tuple[list[bytes], list[bytes]]:
        """Return each document's `results` field of a ScoreResponse, and its `documents` field of the calculations.

        Without the full view there are no calculations. Raises ModelFaultError for what cannot be written.
        """
        ranked = _Ranked(chances, self._thresholds)
        heads = [text(1, document.id) + self._reference for document in documents]
        results = fields(2, _documents(heads, ranked.width, self._tag_scores(ranked)))
        if not full:
            return results, []
        try:
            parts = self._calculations(ranked, made or _unexplained(chances))
        except (TypeError, ValueError, AttributeError, struct.error) as error:  # UnicodeEncodeError is a ValueError
            raise ModelFaultError(f"{self._model} returned names or numbers that are none: {error}") from error
        return results, fields(1, _documents(heads, ranked.width, parts))

    def _tag_scores(self, ranked: _Ranked) -> list[Part]:
        before, after = self._scores
        shape = ranked.selected + 2 * ranked.zero
        return [before[shape, ranked.tags].tolist(), ranked.written, after[shape].tolist()]

    def _calculations(self, ranked: _Ranked, made: Calculations) -> list[Part]:
        parts = [self._heads(ranked, made)]
        if made.starts is not None:
            terms = _terms(np.asarray(made.starts), ranked.cells, made, self._encoded(made))
            parts += [prefixes(4, _sizes(terms)), *terms]
        parts += [_sums(ranked, made), *self._ends(ranked, made)]
        if made.intermediates:
            parts.append(_intermediates(ranked, made))
        return [prefixes(_TAG, _sizes(parts)), *parts]

    def _heads(self, ranked: _Ranked, made: Calculations) -> Part:
        """Write the fields before the terms: tag, explanation and intercept."""
        firsts = [text(1, tag.id) + whole(2, int(made.explanation)) for tag in self._tags]
        intercepts = np.asarray(made.intercepts, float)
        if intercepts.ndim == 1:
            every = [first + double(3, value) for first, value in zip(firsts, intercepts.tolist(), strict=True)]
            return list(_objects(every)[ranked.tags])
        values = intercepts.ravel()[ranked.cells].tolist()
        return [firsts[tag] + double(3, value) for tag, value in zip(ranked.tags.tolist(), values, strict=True)]

    def _ends(self, ranked: _Ranked, made: Calculations) -> list[Part]:
        """Write the fields from the link on."""
        parameters = made.link_parameters or [{}] * len(self._tags)
        links = [field(8, text(1, made.link) + pairs(2, each)) for each in parameters]
        before = np.array([[link + chance for link in links] for chance in (key(9, 1), b"")], object)
        thresholds = [double(10, tag.threshold) for tag in self._tags]
        after = np.array([[threshold + whole(11, selected) for threshold in thresholds] for selected in (0, 1)], object)
        zero, selected = ranked.zero.astype(np.intp), ranked.selected.astype(np.intp)
        return [before[zero, ranked.tags].tolist(), ranked.written, after[selected, ranked.tags].tolist()]

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
    first = b"" if calculations is None else field(1, b"".join(calculations))
    return first + b"".join(results)


class _Ranked:
    """The cells of a batch, documents by tags, in the order in which they are written: the most probable tag first."""

    def __init__(self, chances: Floats, thresholds: Floats) -> None:
        documents, self.width = chances.shape
        order = np.argsort(-chances, axis=1, kind="stable")
        self.tags: Whole = order.ravel()
        self.cells: Whole = (order + np.arange(0, documents * self.width, self.width)[:, None]).ravel()
        self.chances: Floats = np.ascontiguousarray(chances).ravel()[self.cells]
        self.selected = self.chances >= thresholds[self.tags]
        self.zero = is_zero(self.chances)
        self.written = split([packed(self.chances)])
        for place in np.flatnonzero(self.zero):
            self.written[place] = b""


def _scores(tags: Sequence[Tag]) -> tuple[Objects, Objects]:
    """Return what stands before a probability in a TagScore, and after it, by selected and zero."""
    before, after = [], []
    for zero in (False, True):
        for selected in (False, True):
            chance, end = (b"" if zero else key(4, 1)), whole(5, selected)
            named = [text(1, tag.id) + text(2, tag.title) + text(3, tag.group) + chance for tag in tags]
            rest = len(end) + (0 if zero else 8)
            before.append([key(_TAG) + length(len(name) + rest) + name for name in named])
            after.append(end)
    return np.array(before, object), _objects(after)


def _documents(heads: list[bytes], width: int, parts: list[Part]) -> list[bytes]:
    """Join the pieces of each document: its head, then `width` of each part, cell by cell."""
    step = width * len(parts)
    pieces = [b""] * (len(heads) * step)
    for place, part in enumerate(parts):
        pieces[place :: len(parts)] = part
    return [head + b"".join(pieces[place * step : (place + 1) * step]) for place, head in enumerate(heads)]


def _terms(starts: Whole, cells: Whole, made: Calculations, names: Objects) -> list[Part]:
    """Write the terms of each cell: names, and numbers."""
    first, end = starts[cells], starts[cells + 1]
    named = names.tolist()
    features = [b"".join(named[a:b]) for a, b in zip(first.tolist(), end.tolist(), strict=True)]
    return [features, _numbers(first, end - first, made)]


def _sizes(parts: Sequence[Part]) -> list[int]:
    """Return how many bytes each cell has in some parts."""
    sizes: list[int] = sum(np.fromiter(map(len, part), np.intp, len(part)) for part in parts).tolist()  # type: ignore[union-attr]
    return sizes


def _numbers(starts: Whole, counts: Whole, made: Calculations) -> list[bytes]:
    """Write values, coefficients and contributions of each cell, for all cells with as many terms at once."""
    columns = [np.asarray(part, float) for part in (made.values, made.coefficients, made.contributions)]
    out = _objects([b""] * len(starts))
    for count in filter(None, np.flatnonzero(np.bincount(counts)).tolist()):
        cells = np.flatnonzero(counts == count)
        places = starts[cells][:, None] + np.arange(count)
        out[cells] = split(
            [part for number, column in enumerate(columns, 2) for part in doubles(number, column[places])]
        )
    return list(out)


def _sums(ranked: _Ranked, made: Calculations) -> list[bytes]:
    """Write remainder, number of its terms and margin of each cell, for all cells where they are as long at once."""
    remainders = _of_cells(made.remainders, ranked)
    margins = _of_cells(made.margins, ranked)
    rest = _whole(_of_cells(made.remainder_terms, ranked))
    sizes, parts = varint_sizes(rest), (~is_zero(remainders), ~is_zero(margins))
    layouts = sizes * 4 + parts[0] * 2 + parts[1]
    out = _objects([b""] * len(layouts))
    for layout in np.flatnonzero(np.bincount(layouts)).tolist():
        cells = np.flatnonzero(layouts == layout)
        blocks = [
            *(fixed64(5, remainders[cells]) if layout & 2 else ()),
            *(varints(6, rest[cells], layout >> 2) if layout >> 2 else ()),
            *(fixed64(7, margins[cells]) if layout & 1 else ()),
        ]
        out[cells] = split(blocks) if blocks else b""
    return list(out)


def _intermediates(ranked: _Ranked, made: Calculations) -> list[bytes]:
    rows = zip(*(_of_cells(array, ranked).tolist() for array in made.intermediates.values()), strict=True)
    return [pairs(12, dict(zip(made.intermediates, row, strict=True))) for row in rows]


def _whole(values: Floats) -> npt.NDArray[np.int64]:
    if not ((values >= 0) & (values <= _LARGEST_COUNT) & (values == np.floor(values))).all():
        raise ValueError("remainder_terms that are no counts")
    return values.astype(np.int64)


def _of_cells(array: Any, ranked: _Ranked) -> Floats:
    """Return the numbers of an array (documents, tags) in the order of the cells, zeros for no array."""
    if array is None:
        return np.zeros(len(ranked.cells))
    return np.asarray(array, float).ravel()[ranked.cells]


def _objects(values: Sequence[bytes]) -> Objects:
    made = np.empty(len(values), object)
    made[:] = values
    return made


def _unexplained(chances: Floats) -> Calculations:
    return Calculations(Explanation.NONE, np.zeros(chances.shape[1]), chances, link="identity")
