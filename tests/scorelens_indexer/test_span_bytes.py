"""What is read from the bytes of a span is what protobuf reads of them, however odd they are."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scorelens import conventions as names
from scorelens_indexer.attribute_bytes import read_attribute, read_attributes
from scorelens_indexer.calculation import Calculation
from scorelens_indexer.calculation_bytes import read_calculation
from scorelens_indexer.calculation_events import read_calculations, read_message
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.message_values import value_of
from tests.scorelens_indexer.spans import any_value, calculation, key_values

TEXTS = st.text(max_size=300)
VALUES = st.one_of(
    TEXTS,
    st.floats(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**56),
    st.binary(max_size=8),
    st.lists(TEXTS, max_size=30),
    st.lists(st.floats(), max_size=60),
    st.lists(st.booleans(), max_size=20),
    st.lists(st.one_of(TEXTS, st.floats(), st.booleans(), st.integers(-5, 5)), max_size=5),
)
NAMES = st.one_of(TEXTS, st.sampled_from([names.TAG_IDS, names.DOCUMENT_TEXT, names.MODEL_ID, names.TERM_FEATURES]))
NUMBERS = st.floats(width=64)
WORDS = st.one_of(
    st.sampled_from(["refund", "still no", "", "ä", "é" * 70, names.TERM_FEATURES]), st.text(max_size=130)
)


class Writer:
    """Writes OTLP with all the liberties that the wire format gives."""

    def __init__(self, draw: Callable[[int], int]) -> None:
        self._draw = draw  # a number from 0 to less than its argument; mostly 0

    def whole(self, number: int) -> bytes:
        """Write a whole number, perhaps with more bytes than it needs."""
        written = bytearray()
        number &= 2**64 - 1
        while number >= 0x80:
            written.append(number & 0x7F | 0x80)
            number >>= 7
        written.append(number)
        for _ in range(min(self._draw(3), 10 - len(written))):
            written[-1] |= 0x80
            written.append(0)
        return bytes(written)

    def field(self, number: int, content: bytes) -> bytes:
        """Write a field of any length, perhaps behind one that nobody knows."""
        unknown = b"\xf8\x01\x05" if self._draw(20) == 1 else b""
        return unknown + bytes((number << 3 | 2,)) + self.whole(len(content)) + content

    def value(self, value: Any) -> bytes:
        """Write an AnyValue."""
        if isinstance(value, bool):
            return b"\x10" + self.whole(value)
        if isinstance(value, int):
            return b"\x18" + self.whole(value)
        if isinstance(value, float):
            return b"\x21" + struct.pack("<d", value)
        if isinstance(value, str):
            return self.field(1, value.encode())
        return self.field(5, b"".join(self.field(1, self.value(part)) for part in value))

    def attribute(self, name: str, value: Any) -> bytes:
        """Write a KeyValue."""
        parts = [self.field(1, name.encode()), self.field(2, self.value(value))]
        return b"".join(parts[::-1] if self._draw(30) == 1 else parts)

    def event(self, attributes: Mapping[str, Any], time: int) -> bytes:
        """Write a Span.Event."""
        head = [b"\x09" + struct.pack("<Q", time)] if time else []
        head.append(self.field(2, names.CALCULATION_EVENT.encode()))
        return b"".join(head + [self.field(3, self.attribute(name, value)) for name, value in attributes.items()])


def outcome(read: Callable[[bytes], Any], part: bytes) -> str:
    """Return what was read, to the last bit and type, or why it cannot be."""
    try:
        return repr(read(part))
    except (PermanentError, DecodeError) as error:
        return "not of OTLP" if "OTLP" in str(error) or isinstance(error, DecodeError) else str(error)


def attribute_of_message(part: bytes) -> tuple[str, Any]:
    """Read an attribute through protobuf alone."""
    pair = KeyValue.FromString(part)
    return pair.key, value_of(pair.value)


@given(NAMES, VALUES)
def test_attributes_are_read_from_bytes_as_from_messages(name: str, value: Any) -> None:
    """What is read from the bytes of an attribute is what protobuf reads, types included, also the second time."""
    part = KeyValue(key=name, value=any_value(value)).SerializeToString()
    expected = repr(attribute_of_message(part))
    assert repr(read_attribute(part)) == expected
    for _ in range(2):
        assert repr(*read_attributes([part]).items()) == expected


@st.composite
def odd(draw: st.DrawFn) -> Writer:
    """Draw a writer that takes liberties now and then, or never."""
    chance = draw(st.sampled_from([0, 0, 0, 1, 50]))
    random = draw(st.randoms(use_true_random=False))
    return Writer(lambda most: random.randrange(most) if random.randrange(100) < chance else 0)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Change, remove or add some bytes, or none."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(whole)))
        whole = whole[:at] + draw(st.binary(max_size=2)) + whole[at + draw(st.integers(0, 2)) :]
    return whole


@given(odd(), NAMES, VALUES, st.data())
def test_odd_attributes_are_read_as_protobuf_reads_them(writer: Writer, name: str, value: Any, data: Any) -> None:
    """Numbers written longer than need be, unknown fields, another order and damage change nothing of what is read."""
    plain_value = value if not isinstance(value, bytes) else ""
    part = data.draw(damaged(writer.attribute(name, plain_value)))
    assert outcome(read_attribute, part) == outcome(attribute_of_message, part)


@st.composite
def models(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw the calculations of some models with some tags each, in any order: alike in shape, different in numbers."""
    shapes = [
        (
            draw(st.sampled_from(["complaint", "refund", "z" * 64, "a", "a", "Not an id"])),
            draw(st.sampled_from([1, 2, 3, 4, 15, 0])),
            draw(st.lists(st.sampled_from(["slope", "offset", "temperature"]), max_size=2, unique=True)),
            draw(st.lists(WORDS, max_size=2, unique=True)),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    return [_calculation(draw, *draw(st.sampled_from(shapes))) for _ in range(draw(st.integers(1, 6)))]


def _calculation(
    draw: st.DrawFn, tag: str, count: int, parameters: Sequence[str], intermediates: Sequence[str]
) -> dict[str, Any]:
    def numbers(size: int) -> list[float]:
        return draw(st.lists(NUMBERS, min_size=size, max_size=size))

    values: dict[str, Any] = {
        names.CALCULATION_TAG: tag,
        names.EXPLANATION: draw(st.sampled_from(["exact", "exact", "exact", "approximate", "vague"])),
        names.INTERCEPT: draw(st.sampled_from([-2.1, 0.0, 1e300])),
        names.TERM_FEATURES: draw(st.lists(WORDS, min_size=count, max_size=count)),
        names.TERM_VALUES: numbers(count),
        names.TERM_COEFFICIENTS: numbers(count),
        names.TERM_CONTRIBUTIONS: numbers(count),
        names.REMAINDER: draw(NUMBERS),
        names.REMAINDER_TERMS: draw(st.sampled_from([0, 61, 127, 128, 20_000, 2**60, -1])),
        names.MARGIN: draw(NUMBERS),
        names.LINK: draw(st.sampled_from(["sigmoid", "identity", "softmax"])),
    }
    if parameters:
        values |= {names.LINK_PARAMETER_KEYS: parameters, names.LINK_PARAMETER_VALUES: numbers(len(parameters))}
    values |= {
        names.PROBABILITY: draw(NUMBERS),
        names.THRESHOLD: draw(st.sampled_from([0.5, 0.3])),
        names.SELECTED: draw(st.booleans()),
    }
    if intermediates:
        values |= {names.INTERMEDIATE_KEYS: intermediates, names.INTERMEDIATE_VALUES: numbers(len(intermediates))}
    if draw(st.integers(0, 19)) == 19:
        values[draw(st.sampled_from(sorted(values)))] = draw(VALUES.filter(lambda value: not isinstance(value, bytes)))
    if draw(st.integers(0, 19)) == 19:
        del values[draw(st.sampled_from(sorted(values)))]
    return values


@given(odd(), models(), st.integers(0, 2**64 - 1), st.data())
def test_calculations_are_read_from_bytes_as_from_messages(
    writer: Writer, written: list[dict[str, Any]], time: int, data: Any
) -> None:
    """Calculations of several models, mixed, odd and damaged, are each what protobuf reads of it, errors included."""
    for values in written:
        event = data.draw(damaged(writer.event(values, time)))
        assert outcome(read_one, event) == outcome(read_message, event)


def read_one(event: bytes) -> Calculation | None:
    """Read the calculation of a span with this event."""
    return next(iter(read_calculations([event])), None)


def read_from_bytes(values: Mapping[str, Any]) -> Calculation | None:
    """Read the calculation with these attributes without any message."""
    event = Span.Event(name=names.CALCULATION_EVENT, time_unix_nano=5, attributes=key_values(values))
    return read_calculation(event.SerializeToString())


def attributes_of(event: Span.Event) -> dict[str, Any]:
    """Return the attributes of an event."""
    return {pair.key: value_of(pair.value) for pair in event.attributes}


def test_what_the_sidecar_writes_needs_no_messages() -> None:
    """A usual calculation is read from its bytes, whatever its numbers and words, and of whichever model."""
    of_links: dict[str, Any] = {
        names.LINK_PARAMETER_KEYS: ["offset", "slope"],
        names.LINK_PARAMETER_VALUES: [1.5, -0.5],
    }
    of_values: dict[str, Any] = {names.INTERMEDIATE_KEYS: ["raw"], names.INTERMEDIATE_VALUES: [0.25]}
    for changes in ({}, of_links, of_values, of_links | of_values):
        for tag, remainder_terms in (("one", 61), ("other", 61), ("one", 12_345), ("one", 12_346)):
            event = calculation(
                tag, {"a b": 1.5, "ü": -2.0, "x" * 120: 0.25}, **{names.REMAINDER_TERMS: remainder_terms}, **changes
            )
            found = read_from_bytes(attributes_of(event))
            assert found is not None
            assert found == read_message(event.SerializeToString())
            assert (found.tag, found.remainder_terms) == (tag, remainder_terms)


@pytest.mark.parametrize("size", [1, 125, 126, 127, 128, 1000, 16_100, 16_400, 32_800, 400_000])
def test_calculations_of_every_size(size: int) -> None:
    """However long the names of the terms are together, and however many there are, the calculation is the same."""
    for words in ([f"{number:04}" for number in range(max(1, size // 8))], ["w" * (size % 120 + 1)] * (size // 120)):
        event = Span.Event(
            name=names.CALCULATION_EVENT,
            attributes=key_values(
                attributes_of(calculation("tag", {"a": 1.0}))
                | {names.TERM_FEATURES: words}
                | dict.fromkeys(
                    (names.TERM_VALUES, names.TERM_COEFFICIENTS, names.TERM_CONTRIBUTIONS), [0.5] * len(words)
                )
            ),
        ).SerializeToString()
        assert read_calculations([event]) == [read_message(event)]
        assert (read_calculation(event) is not None) == (0 < len(words) < 7000)


@pytest.mark.parametrize(
    "change",
    [
        {names.TERM_VALUES: [1.0]},
        {names.TERM_FEATURES: ["x"]},
        {names.SELECTED: 1},
        {names.MARGIN: 1},
        {names.LINK: True},
        {names.INTERMEDIATE_KEYS: ["a"]},
        {names.CALCULATION_TAG: "Not an id"},
        {"other": 1},
    ],
)
def test_the_unusual_is_left_to_messages(change: dict[str, Any]) -> None:
    """A calculation of another shape, type or length than the sidecar writes is not read from its bytes."""
    usual = attributes_of(calculation("tag", {"a": 1.5, "b": 2.0}))
    assert read_from_bytes(usual) is not None
    assert read_from_bytes(usual | change) is None
    assert read_from_bytes(dict(reversed(usual.items()))) is None
