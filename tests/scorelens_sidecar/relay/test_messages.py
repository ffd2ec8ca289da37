"""Messages are cut out of DATA bytes, whole or cut to the limit, within the budget."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_sidecar.relay.messages import Budget, Messages
from tests.scorelens_sidecar.relay.wire import message


def feed(reader: Messages, data: bytes) -> bytes | None:
    """Feed all bytes at once."""
    return reader.feed(data, 0, len(data))


@given(
    st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 1)), max_size=8),
    st.lists(st.integers(1, 90), min_size=1, max_size=6),
    st.integers(0, 120),
)
def test_messages_come_out_whole_or_cut_with_a_hash(
    bodies: list[tuple[bytes, int]], sizes: list[int], limit: int
) -> None:
    """However frames cut them, messages come out as sent; those over the limit are cut and hashed."""
    budget = Budget(10**6)
    reader = Messages(budget, limit, keep=True)
    data = b"".join(message(body, compressed) for body, compressed in bodies)
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        reader.feed(data, at, min(at + size, len(data)))
        at, turn = at + size, turn + 1
    assert reader.count == len(bodies)
    assert reader.size == sum(len(body) for body, _ in bodies)
    assert budget.used == reader.held == sum(min(limit, len(body)) for body, _ in bodies)
    for body, compressed in bodies:
        found = reader.take()
        assert found.payload == body[:limit]
        assert (found.size, found.compressed, found.lost) == (len(body), bool(compressed), False)
        assert found.sha256 == (hashlib.sha256(body).digest() if len(body) > limit else b"")
    assert budget.used == 0


def test_a_message_that_finds_no_memory_is_lost_and_the_next_one_is_not() -> None:
    """Running out of memory costs the message that needed it, and gives back what it held."""
    budget = Budget(100)
    reader = Messages(budget, 1000, keep=True)
    feed(reader, message(b"a" * 200)[:60])
    assert budget.used == 55
    feed(reader, message(b"a" * 200)[60:])
    assert budget.used == 0
    feed(reader, message(b"b" * 90))
    lost, kept = reader.take(), reader.take()
    assert (lost.lost, lost.size, kept.lost, kept.payload) == (True, 200, False, b"b" * 90)


def test_release_gives_back_everything() -> None:
    """Letting go of a call gives back whole and unfinished messages."""
    budget = Budget(1000)
    reader = Messages(budget, 1000, keep=True)
    feed(reader, message(b"a" * 50) + message(b"b" * 50)[:20])
    reader.release()
    assert budget.used == 0


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 1)), max_size=8), st.integers(0, 80))
def test_whole_frames_are_taken_like_pieces(bodies: list[tuple[bytes, int]], limit: int) -> None:
    """A frame that is one message leaves what the same message leaves in pieces, with any limit and little memory."""
    whole, pieces = (Messages(Budget(150), limit, keep=True) for _ in range(2))
    for body, compressed in bodies:
        data = message(body, compressed)
        assert feed(whole, data) == (None if compressed else body)
        pieces.feed(data, 0, 3)
        assert pieces.feed(data, 3, len(data)) is None
    counts = [(reader.count, reader.size, reader.lost, reader.held, reader.budget.used) for reader in (whole, pieces)]
    assert counts[0] == counts[1]
    for _ in bodies:
        assert whole.take() == pieces.take()
    assert not whole.waiting
    assert not pieces.waiting


@pytest.mark.parametrize("cut", [0, 4, 9])
def test_messages_of_other_frames_keep_their_turn(cut: int) -> None:
    """A whole message behind one that came in pieces is taken second, and counted messages are not kept."""
    reader, counter = Messages(Budget(1000), 100, keep=True), Messages(Budget(1000), 100, keep=False)
    data = message(b"first") + message(b"second")
    for each in (reader, counter):
        each.feed(data, 0, cut)
        each.feed(data, cut, 10)
        each.feed(data, 10, len(data))
    assert [reader.take().payload, reader.take().payload, reader.take().payload] == [b"first", b"second", b""]
    assert (counter.count, counter.size, counter.held, counter.waiting) == (2, 11, 0, False)
