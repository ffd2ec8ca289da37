"""Where the numbers of a calculation stand behind the names of its terms, to read others like it without looking.

Two steps in C take the place of a hundred in Python: the bytes that are no number (names, types, lengths, texts) are
compared with those of the layout all at once, as one large whole number, and all numbers are unpacked at once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

from scorelens import conventions as names
from scorelens_indexer.attribute_bytes import places_of
from scorelens_indexer.value_bytes import (
    ARRAY,
    DOUBLE,
    DOUBLE_ITEM,
    INTEGER,
    LONG,
    TEXT,
    TRUTH,
    UnusualError,
    read_value,
)

_COLUMNS: Final = (names.TERM_VALUES, names.TERM_COEFFICIENTS, names.TERM_CONTRIBUTIONS)
_KEYS: Final = {
    names.LINK_PARAMETER_KEYS: names.LINK_PARAMETER_VALUES,
    names.INTERMEDIATE_KEYS: names.INTERMEDIATE_VALUES,
}
_FIELDS: Final = (
    *_COLUMNS,
    names.REMAINDER,
    names.REMAINDER_TERMS,
    names.MARGIN,
    names.LINK,
    names.LINK_PARAMETER_VALUES,
    names.PROBABILITY,
    names.THRESHOLD,
    names.SELECTED,
    names.INTERMEDIATE_VALUES,
)
"""The attributes that become the fields of a Calculation behind its features, in their order."""

_REQUIRED: Final = frozenset(_FIELDS).difference(_KEYS.values())
_KINDS: Final = {
    names.REMAINDER: DOUBLE,
    names.REMAINDER_TERMS: INTEGER,
    names.MARGIN: DOUBLE,
    names.LINK: TEXT,
    names.PROBABILITY: DOUBLE,
    names.THRESHOLD: DOUBLE,
    names.SELECTED: TRUTH,
    **dict.fromkeys((*_COLUMNS, *_KEYS, *_KEYS.values()), ARRAY),
}


class Layout:
    """The layout of some attributes: their names, types, lengths and texts, and of no number."""

    def __init__(self, part: bytes) -> None:
        """Take the attributes of one calculation as an example; UnusualError where they are not like the sidecar's."""
        draft = _Draft(part)
        self.terms: Final = draft.terms()
        self._mask: Final = int.from_bytes(draft.mask, "little")
        self._fixed: Final = int.from_bytes(part, "little") & self._mask
        self._unpack: Final = struct.Struct(f"<{draft.format}{len(part) - draft.at}x").unpack
        self._texts: Final = tuple(draft.texts)
        self._pick: Final = itemgetter(*draft.places)
        self._late: Final = draft.late

    def read(self, part: bytes) -> Sequence[Any] | None:
        """Return the fields of a Calculation behind its features; None where the layout is another one."""
        if int.from_bytes(part, "little") & self._mask != self._fixed:
            return None
        fields: Sequence[Any] = self._pick(self._texts + self._unpack(part))
        if self._late:
            fields = list(fields)
            for place, make in self._late:
                fields[place] = make(fields[place])
        return fields


class _Draft:
    """A layout in the making: what is masked out may differ, and is unpacked by the format.

    `places` says for each field which of the texts and the unpacked numbers behind them it is; `late` what is made of
    some of these in the end.
    """

    def __init__(self, part: bytes) -> None:
        self.mask, self.format, self.at = bytearray(b"\xff" * len(part)), "", 0
        self.texts: list[Any] = [{}] * len(_FIELDS)
        self.places: list[int | slice] = list(range(len(_FIELDS)))
        self.late: list[tuple[int, Callable[[Any], Any]]] = []
        self._part, self._count = part, len(_FIELDS)
        seen: set[str] = set()
        keys: dict[str, Sequence[str]] = {}
        for name, at, stop in places_of(part):
            if name in seen or part[at] != _KINDS.get(name):
                raise UnusualError
            seen.add(name)
            if name in _KEYS:
                keys[name] = self._keys(at, stop)
            else:
                self._add(_FIELDS.index(name), at, stop)
        if not seen >= _REQUIRED:
            raise UnusualError
        for name, values in _KEYS.items():
            if len(keys.get(name, ())) != self._size(values):
                raise UnusualError
            if name in keys:
                self.late.append((_FIELDS.index(values), partial(_paired, keys[name])))

    def terms(self) -> int:
        """Return how many terms there are."""
        count, *others = map(self._size, _COLUMNS)
        if others != [count, count]:
            raise UnusualError
        return count

    def _size(self, name: str) -> int:
        place = self.places[_FIELDS.index(name)]
        return place.stop - place.start if isinstance(place, slice) else 0

    def _keys(self, at: int, stop: int) -> Sequence[str]:
        keys: Sequence[str] = read_value(self._part, at, stop)
        if not isinstance(keys[0], str):
            raise UnusualError
        return keys

    def _add(self, field: int, at: int, stop: int) -> None:
        kind = self._part[at]
        value = read_value(self._part, at, stop)
        if kind == TEXT:
            self.texts[field] = value
        elif kind == DOUBLE:
            self.places[field] = self._take(at + 1, "d", 8)
        elif kind == ARRAY:
            self.places[field] = self._array(value, stop)
        elif kind == TRUTH and stop - at == 2:
            # Of a truth value one bit may differ, and of a number the seven of each byte that are not about its length.
            self.places[field] = self._take(at + 1, "?", 1, 0xFE)
        elif kind == INTEGER:
            self.places[field] = self._whole(field, at + 1, stop)
        else:
            raise UnusualError

    def _array(self, numbers: Sequence[float], stop: int) -> slice:
        if type(numbers[0]) is not float:
            raise UnusualError
        first, step = self._count, len(DOUBLE_ITEM) + 8
        for start in range(stop - len(numbers) * step, stop, step):
            self._take(start + len(DOUBLE_ITEM), "d", 8)
        return slice(first, self._count)

    def _whole(self, field: int, at: int, stop: int) -> int | slice:
        first = self._count
        for place in range(at, stop):
            self._take(place, "B", 1, LONG)
        if self._count - first == 1:
            return first
        self.late.append((field, _whole))
        return slice(first, self._count)

    def _take(self, at: int, code: str, size: int, fixed_bits: int = 0) -> int:
        self.format += f"{at - self.at}x{code}"
        self.mask[at : at + size] = bytes((fixed_bits,)) * size
        self.at = at + size
        self._count += 1
        return self._count - 1


def _whole(groups: Sequence[int]) -> int:
    """Return the whole number that was read byte by byte, seven bits in each, the low ones first."""
    return sum((group & 0x7F) << 7 * place for place, group in enumerate(groups))


def _paired(keys: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return dict(zip(keys, values, strict=True))
