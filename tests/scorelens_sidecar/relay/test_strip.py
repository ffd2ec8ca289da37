"""Calculations are taken out of answers, however they are cut and shaped."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_sidecar.relay.strip import Stripper, WithholdError, decompressed, lean
from tests.scorelens_sidecar.relay.wire import field, message, messages_in, varint

LIMIT = 10**6

calculations = st.integers(0, 300).map(lambda size: (1, field(1, b"\xc5" * size)))
others = st.one_of(
    st.tuples(st.integers(2, 3000), st.binary(max_size=300)).map(lambda pair: (pair[0], field(*pair))),
    st.tuples(st.integers(2, 40), st.integers(0, 2**64 - 1)).map(
        lambda pair: (pair[0], varint(pair[0] << 3) + varint(pair[1]))
    ),
    st.tuples(st.integers(2, 40), st.binary(min_size=8, max_size=8)).map(
        lambda pair: (pair[0], varint(pair[0] << 3 | 1) + pair[1])
    ),
    st.tuples(st.integers(2, 40), st.binary(min_size=4, max_size=4)).map(
        lambda pair: (pair[0], varint(pair[0] << 3 | 5) + pair[1])
    ),
    st.integers(0, 2**64 - 1).map(lambda value: (1, b"\x08" + varint(value))),
)
fields = st.lists(st.one_of(calculations, others), max_size=6)


def whole(parts: list[tuple[int, bytes]]) -> bytes:
    """Build a message."""
    return b"".join(part for _, part in parts)


def rest(parts: list[tuple[int, bytes]]) -> bytes:
    """Build the message without its calculations, the obvious way."""
    return b"".join(part for number, part in parts if number != 1)


def feed_all(strip: Stripper, data: bytes, sizes: list[int]) -> bytes:
    """Feed bytes cut into the sizes given, again and again."""
    out, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        before = strip.held
        taken = strip.feed(data[at : at + size])
        assert strip.rewriting or len(taken) <= before + size
        out.append(taken)
        at, turn = at + size, turn + 1
    return b"".join(out)


@given(st.lists(fields, max_size=5), st.lists(st.integers(1, 700), min_size=1, max_size=9))
def test_any_shape_and_any_cut_gives_the_message_without_field_1(
    answers: list[list[tuple[int, bytes]]], sizes: list[int]
) -> None:
    """Messages of any fields in any order lose exactly field 1, wherever frames end."""
    strip = Stripper(LIMIT)
    out = feed_all(strip, b"".join(message(whole(parts)) for parts in answers), sizes)
    assert messages_in(out) == [rest(parts) for parts in answers]
    assert strip.held == 0


@given(fields, st.sampled_from(["gzip", "deflate"]), st.lists(st.integers(1, 99), min_size=1, max_size=5))
def test_compressed_messages_go_on_plain_and_without_field_1(
    parts: list[tuple[int, bytes]], encoding: str, sizes: list[int]
) -> None:
    """A compressed answer does not leak, and a plain one after it is stripped as well."""
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    strip = Stripper(LIMIT, encoding.encode())
    out = feed_all(strip, message(pack(whole(parts)), 1) + message(whole(parts)), sizes)
    assert messages_in(out) == [rest(parts)] * 2


@given(st.binary(max_size=200), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_bytes_that_are_no_message_are_withheld_or_parse_without_field_1(data: bytes, sizes: list[int]) -> None:
    """Whatever bytes come, either the answer is withheld or what goes on holds no field 1."""
    strip = Stripper(LIMIT)
    try:
        out = feed_all(strip, message(data), sizes)
    except WithholdError:
        return
    (found,) = messages_in(out)
    assert lean(found) == found


def test_a_large_usual_answer_streams_without_being_held() -> None:
    """What follows the calculations goes on before the message ends, once there is too much to hold."""
    strip = Stripper(LIMIT)
    data = message(field(1, b"\xc5" * 50000) + field(2, b"r" * 500000))
    for at in range(0, len(data), 16384):
        strip.feed(data[at : at + 16384])
        assert strip.held <= 2 * 16384 + 100


def test_late_calculations_in_a_large_answer_are_withheld() -> None:
    """More calculations after the prefix has gone on end the answer instead of leaking."""
    strip = Stripper(LIMIT)
    data = message(field(1, b"\xc5" * 5) + field(2, b"r" * 50000) + field(1, b"\xc5" * 5))
    with pytest.raises(WithholdError):
        feed_all(strip, data, [1000])


def test_an_unusual_answer_over_the_limit_is_withheld() -> None:
    """Results before calculations are rewritten up to the limit and withheld beyond it."""
    parts = field(2, b"r" * 60000) + field(1, b"\xc5" * 5)
    assert messages_in(feed_all(Stripper(70000), message(parts), [1000])) == [field(2, b"r" * 60000)]
    with pytest.raises(WithholdError):
        feed_all(Stripper(50000), message(parts), [1000])


def test_decompression_is_bounded() -> None:
    """A few compressed bytes cannot become more than the limit."""
    bomb = gzip.compress(bytes(10**6))
    assert len(decompressed(bomb, b"gzip", 10**6)) == 10**6
    with pytest.raises(WithholdError):
        decompressed(bomb, b"gzip", 10**6 - 1)


PACKED = gzip.compress(b"abc", mtime=0)


@pytest.mark.parametrize(
    "data", [b"\x00\x01", PACKED[:-3], PACKED + b"junk"], ids=["not packed", "cut short", "more after the end"]
)
def test_damaged_compression_is_withheld(data: bytes) -> None:
    """What cannot be decompressed whole does not go on."""
    with pytest.raises(WithholdError):
        decompressed(data, b"gzip", 1000)


@pytest.mark.parametrize("encoding", [b"", b"identity", b"snappy"])
def test_unknown_compression_is_withheld(encoding: bytes) -> None:
    """A compressed message whose compression the relay does not know does not go on."""
    strip = Stripper(LIMIT, encoding)
    with pytest.raises(WithholdError):
        strip.feed(message(b"\x0a\x01x", 1))


@pytest.mark.parametrize("tag", [b"\x8a\x00", b"\x8a\x80\x80\x80\x00"])
def test_a_tag_that_is_written_longer_than_needed_is_still_field_1(tag: bytes) -> None:
    """An overlong tag does not smuggle calculations past."""
    assert lean(tag + b"\x03abc" + field(2, b"r")) == field(2, b"r")


@pytest.mark.parametrize("tag", [b"\x8a\x80\x80\x80\x10", b"\x8a\x80\x80\x80\x80\x00", b"\x0b", b"\x00", b"\x0f"])
def test_a_tag_that_readers_may_take_for_field_1_is_withheld(tag: bytes) -> None:
    """Tags that overflow, groups and unknown kinds of fields are not let through."""
    with pytest.raises(WithholdError):
        Stripper(LIMIT).feed(message(tag + b"\x03abc"))
