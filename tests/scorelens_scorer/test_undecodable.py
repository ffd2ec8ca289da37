"""Messages that cannot be decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens.v1.scorer_pb2 import ActivityEvent, Document, ScoreRequest
from scorelens_scorer.undecodable import Undecodable, decoder, explain

decode = decoder(ScoreRequest)
GOOD = ScoreRequest(
    documents=[
        Document(id="first"),
        Document(text="MARKER", events=[ActivityEvent(), ActivityEvent(product="SECOND")], attributes={"key": "THIRD"}),
    ],
    model="FOURTH",
)


@pytest.mark.parametrize(
    ("marker", "field"),
    [
        (b"MARKER", "documents[1].text"),
        (b"SECOND", "documents[1].events[1].product"),
        (b"THIRD", "documents[1].attributes[0].value"),
        (b"FOURTH", "model"),
    ],
)
def test_the_string_that_is_not_utf_8_is_named(marker: bytes, field: str) -> None:
    """The path of the field and the place of the byte are in the reason."""
    broken = GOOD.SerializeToString().replace(marker, b"a\xff" + marker[2:])
    assert decode(broken) == Undecodable(f"{field}: is not UTF-8 at byte 2")


def test_a_good_message_is_decoded() -> None:
    """What can be decoded is."""
    assert decode(GOOD.SerializeToString()) == GOOD


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    """Any bytes at all are a message or have a reason."""
    assert isinstance(decode(data), ScoreRequest | Undecodable)
    assert isinstance(explain(ScoreRequest.DESCRIPTOR, data), str)


@given(st.integers(0, 200), st.integers(0, 255))
def test_no_damage_makes_it_fail(place: int, byte: int) -> None:
    """A message with any one byte changed is decoded or has a reason."""
    damaged = bytearray(GOOD.SerializeToString())
    damaged[place % len(damaged)] = byte
    assert isinstance(decode(bytes(damaged)), ScoreRequest | Undecodable)
