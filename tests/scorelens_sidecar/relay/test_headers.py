"""Header blocks are read in step with their peers, by either decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_sidecar.captured import NO_STATUS
from scorelens_sidecar.relay.frames import PeerError
from scorelens_sidecar.relay.headers import (
    ADDED,
    HeaderReader,
    answer_head,
    parse_traceparent,
    python_decoder,
    refusal,
    request_head,
    rust_decoder,
)

DECODERS = [rust_decoder, python_decoder]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

names = st.sampled_from(["a", "b", "scorelens-view", "user-agent", "x" * 30])
values = st.one_of(st.sampled_from(["", "full", "1", "y" * 100]), st.text("abc\u00e9", max_size=20))


@pytest.mark.parametrize("decoder", DECODERS)
@given(
    blocks=st.lists(st.lists(st.tuples(names, values), max_size=6), max_size=12),
    sizes=st.lists(st.sampled_from([0, 64, 4096, 9000]), max_size=12),
)
def test_blocks_are_read_as_they_were_sent(
    decoder: Callable[[], Any], blocks: list[list[tuple[str, str]]], sizes: list[int]
) -> None:
    """Repeated blocks, table evictions and changes of the table's size keep the reader in step."""
    encoder = hpack.Encoder()
    reader: HeaderReader[list[tuple[bytes, bytes]]] = HeaderReader(
        lambda fields: [(field[0], field[1]) for field in fields], decoder
    )
    reader.allow_table(9000)
    for number, fields in enumerate(blocks):
        if number < len(sizes):
            encoder.header_table_size = sizes[number]
        wanted = [(name.encode(), value.encode()) for name, value in fields]
        assert reader.read(encoder.encode(fields)) == wanted
        assert reader.read(encoder.encode(fields)) == wanted


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(
    "block", [b"\xff\xff\xff\xff\xff\xff", b"\xfe", b"\x40\x05a", b"\x3f\xe1\xff\xff\xff\x0f", b"\x80"]
)
def test_a_block_that_cannot_be_read_ends_the_connection(decoder: Callable[[], Any], block: bytes) -> None:
    """Damaged blocks raise the protocol's error, never one of the decoder's own."""
    with pytest.raises(PeerError):
        HeaderReader(request_head, decoder).read(block)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_small_block_cannot_unpack_to_gigabytes(decoder: Callable[[], Any]) -> None:
    """References to one large entry, over and over, are refused."""
    reader = HeaderReader(request_head, decoder)
    reader.read(b"\x40\x01a\x7f\xa1\x1e" + b"v" * 4000)
    with pytest.raises(PeerError):
        reader.read(b"\xbe" * 10000)


def test_what_is_added_touches_no_table() -> None:
    """The view and a refusal decode as meant and leave the decoder's table empty."""
    decoder = hpack.Decoder()
    assert {str(name): str(value) for name, value in decoder.decode(ADDED)} == {"scorelens-view": "full"}
    found = {str(name): str(value) for name, value in decoder.decode(refusal(8, "no room"))}
    assert found == {
        ":status": "200",
        "content-type": "application/grpc",
        "grpc-status": "8",
        "grpc-message": "no room",
    }
    assert not decoder.header_table.dynamic_entries


@pytest.mark.parametrize(
    ("views", "full"),
    [
        ([], False),
        (["full"], True),
        (["lean"], False),
        (["lean", "full"], True),
        (["full", "lean"], True),
        (["a, full"], True),
        (["fuller"], False),
    ],
)
def test_one_full_among_several_views_counts(views: list[str], full: bool) -> None:
    """A caller asks for calculations with any value `full`."""
    fields = [(b":path", b"/p"), *((b"scorelens-view", view.encode()) for view in views)]
    assert request_head(fields)[0].full_view is full


def test_a_request_that_names_its_method_twice_is_refused() -> None:
    """Servers differ in which one counts, so a caller could have calculations left in by naming another method too."""
    with pytest.raises(PeerError, match="names its method twice"):
        request_head([(b":path", b"/scorelens.v1.Scorer/Score"), (b":path", b"/other/Method")])


def test_traceparent_is_honoured() -> None:
    """A valid traceparent gives trace and parent."""
    trace, parent = parse_traceparent(TRACE.encode())
    assert (trace.hex(), parent.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert parse_traceparent(TRACE.replace("00-", "01-", 1).encode() + b"-more")[0] == trace


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        TRACE[:-1],
        TRACE + "x",
        TRACE + "-more",
        TRACE.upper(),
        "ff" + TRACE[2:],
        TRACE.replace("-", "_"),
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
    ],
)
def test_an_invalid_traceparent_counts_as_none(value: str) -> None:
    """What the W3C does not allow is not honoured."""
    assert parse_traceparent(value.encode()) == (b"", b"")


@pytest.mark.parametrize(
    ("text", "status"), [(b"0", 0), (b"16", 16), (b"", NO_STATUS), (b"x", NO_STATUS), (b"99999999", NO_STATUS)]
)
def test_the_status_of_an_answer(text: bytes, status: int) -> None:
    """Only numbers are statuses."""
    assert answer_head([(b"grpc-status", text)]).status == status
