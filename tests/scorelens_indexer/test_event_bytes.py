"""Events read from bytes say what the same events say as messages."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scorelens import conventions as names
from scorelens_indexer.attributes import plain
from scorelens_indexer.calculation import read_calculations
from scorelens_indexer.event_bytes import read_attributes
from scorelens_indexer.otlp import parse_event
from tests.scorelens_indexer.spans import any_value, calculation, key_values

NAME = names.CALCULATION_EVENT
TEXTS = st.text(max_size=300)
DOUBLES = st.floats(allow_nan=False)
VALUES = st.one_of(
    TEXTS,
    DOUBLES,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=8),
    st.lists(TEXTS, max_size=30),
    st.lists(DOUBLES, max_size=60),
    st.lists(st.one_of(TEXTS, DOUBLES, st.booleans()), max_size=5),
)


def as_messages(event: bytes) -> dict[str, Any]:
    """Return the attributes of an event, read through protobuf."""
    return {pair.key: plain(pair.value) for pair in parse_event(event).attributes}


@given(st.dictionaries(TEXTS, VALUES, max_size=12), st.integers(0, 2**64 - 1))
def test_bytes_and_messages_agree(values: dict[str, Any], time: int) -> None:
    """What is read from the bytes is what protobuf reads, types included."""
    event = Span.Event(name=NAME, attributes=key_values(values), time_unix_nano=time).SerializeToString()
    found = read_attributes(event, NAME)
    if found is not None:
        assert found == as_messages(event)
        assert all(type(value) is type(values[name]) for name, value in found.items())


@given(st.data())
def test_damaged_bytes_are_left_to_protobuf(data: st.DataObject) -> None:
    """An event with a byte changed or cut off is read as protobuf reads it, or not at all."""
    whole = calculation("tag", {f"word {number}": number / 7 for number in range(12)}).SerializeToString()
    at = data.draw(st.integers(0, len(whole) - 1))
    event = data.draw(st.sampled_from([whole[:at], whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + 1 :]]))
    found = read_attributes(event, NAME)
    if found is not None:
        assert repr(found) == repr(as_messages(event))


def test_what_the_sidecar_writes_needs_no_messages() -> None:
    """A usual calculation is read from its bytes; an unusual order or type gives the same calculation."""
    event = calculation("tag", {"a b": 1.5, "ü": -2.0, "x" * 120: 0.25})
    assert read_attributes(event.SerializeToString(), NAME) is not None
    usual = read_calculations([event.SerializeToString()])
    odd = Span.Event(name=NAME, attributes=reversed(event.attributes))
    for pair in odd.attributes:
        if pair.key == names.REMAINDER_TERMS:
            pair.value.CopyFrom(any_value(61.0))
    assert read_attributes(odd.SerializeToString(), NAME) is not None
    assert read_calculations([odd.SerializeToString()]) == usual
    assert read_attributes(event.SerializeToString(), "other") is None
