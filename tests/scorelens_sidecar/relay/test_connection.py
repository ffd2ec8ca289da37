"""The relay's frames in, frames out, compared with what the peers must see."""

from __future__ import annotations

import gzip
import hashlib
import random

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_sidecar.captured import NO_STATUS, End, Part
from scorelens_sidecar.recorder import DropReason
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.connection import Connection
from tests.scorelens_sidecar.relay.wire import (
    OTHER,
    SCORE,
    STREAM,
    Frame,
    Rig,
    data_of,
    field,
    headers,
    in_pieces,
    message,
    messages_in,
    split,
)

CALCULATIONS = field(1, b"\xc5" * 500)
RESULTS = field(2, b"result")
FULL = CALCULATIONS + RESULTS
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def kinds(found: list[Frame]) -> list[int]:
    """Return the types of frames."""
    return [frame.kind for frame in found]


def fields_of(decoder: hpack.Decoder, found: list[Frame]) -> list[tuple[str, str]]:
    """Decode the one header block among frames."""
    blocks = [frame for frame in found if frame.kind in (h2.HEADERS, h2.CONTINUATION)]
    return [(str(name), str(value)) for name, value in decoder.decode(b"".join(frame.payload for frame in blocks))]


def test_a_unary_call_is_stripped_and_recorded_whole() -> None:
    """The caller gets the lean answer; the record has the full one, ids of the traceparent, and the status."""
    rig = Rig()
    _, up = rig.from_client(rig.call(body=b"question", traceparent=TRACE, scorelens_purpose="replay", user_agent="me"))
    assert ("scorelens-view", "full") in fields_of(rig.upstream_reads, up)
    down, _ = rig.from_upstream(rig.answer(1, message(FULL)))
    assert messages_in(data_of(down)) == [RESULTS]
    (record,) = rig.records
    assert (record.part, record.end, record.status) == (Part.UNARY, End.ANSWERED, 0)
    assert (record.request, record.answer) == (b"question", FULL)
    assert (record.request_size, record.answer_size) == (8, len(FULL))
    assert record.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert (record.parent_id.hex(), len(record.span_id)) == ("b7ad6b7169203331", 8)
    assert (record.purpose, record.user_agent, record.path.decode()) == (b"replay", b"me", SCORE)
    assert rig.capture.budget.used == 0


def test_nothing_is_let_go_before_it_is_recorded() -> None:
    """The append has happened when the bytes that end a call are handed out."""
    rig = Rig()
    rig.from_client(rig.call())
    rig.connection.from_upstream(rig.answer(1, message(FULL)))
    assert rig.connection.to_client
    assert len(rig.records) == 1


def test_the_calls_of_one_read_are_appended_at_once() -> None:
    """Ten answers in one read make one append."""
    rig = Rig()
    for stream in range(1, 20, 2):
        rig.from_client(rig.call(stream))
    rig.from_upstream(b"".join(rig.answer(stream, message(FULL)) for stream in range(1, 20, 2)))
    assert (len(rig.records), rig.recorder.appends) == (10, 1)


def test_a_caller_that_asks_gets_the_calculations() -> None:
    """Nothing is added and nothing removed for a caller that asks for the full view."""
    rig = Rig()
    request = rig.call(scorelens_view="full")
    _, up = rig.from_client(request)
    assert up == split(request)
    answer = rig.answer(1, message(FULL))
    down, _ = rig.from_upstream(answer)
    assert down == split(answer)
    assert rig.records[0].answer == FULL


def test_a_caller_that_may_not_ask_does_not_get_them() -> None:
    """Where callers may not ask, their header stays and the calculations are removed."""
    rig = Rig(clients_may_ask=False)
    request = rig.call(scorelens_view="full")
    _, up = rig.from_client(request)
    assert up == split(request)
    down, _ = rig.from_upstream(rig.answer(1, message(FULL)))
    assert messages_in(data_of(down)) == [RESULTS]


def test_without_calculations_nothing_is_added_or_touched() -> None:
    """With calculations off, requests and answers pass as they are."""
    rig = Rig(calculations=False)
    request, answer = rig.call(), rig.answer(1, message(FULL))
    assert rig.from_client(request)[1] == split(request)
    assert rig.from_upstream(answer)[0] == split(answer)


def test_other_methods_pass_untouched_and_are_recorded_with_sizes() -> None:
    """A call outside the scoring contract has one record, without payload."""
    rig = Rig()
    request, answer = rig.call(path=OTHER, body=b"abc"), rig.answer(1, message(FULL) + message(b"12"), status=5)
    assert rig.from_client(request)[1] == split(request)
    assert rig.from_upstream(answer)[0] == split(answer)
    (record,) = rig.records
    assert (record.part, record.status, record.request, record.answer) == (Part.CLOSING, 5, b"", b"")
    assert (record.request_size, record.request_messages) == (3, 1)
    assert (record.answer_size, record.answer_messages) == (len(FULL) + 2, 2)


@pytest.mark.parametrize("path", ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1alpha.ServerReflection/Info"])
def test_health_and_reflection_are_not_recorded(path: str) -> None:
    """Calls that probes and tools make leave no record."""
    rig = Rig()
    rig.from_client(rig.call(path=path))
    rig.from_upstream(rig.answer(1, message(b"x")))
    rig.from_client(rig.call(3, path=path))
    rig.connection.lost()
    assert not rig.records


def test_a_stream_is_a_record_per_answer_and_one_at_its_end() -> None:
    """Answer n is recorded with request n before its last byte goes on, and the status at the end."""
    rig = Rig()
    rig.from_client(headers(rig.client, 1, {":path": STREAM}))
    for number in range(3):
        rig.from_client(h2.data_frames(1, message(b"q%d" % number)))
    rig.from_upstream(headers(rig.upstream, 1, {":status": "200"}))
    for number in range(3):
        whole = message(field(1, b"c") + b"\x12\x01%d" % number)
        rig.from_upstream(h2.data_frames(1, whole[:7]))
        assert len(rig.records) == number
        down, _ = rig.from_upstream(h2.data_frames(1, whole[7:]))
        assert messages_in(data_of(down)) == [b"\x12\x01%d" % number]
        record = rig.records[-1]
        assert (record.part, record.message_number, record.end) == (Part.MESSAGE, number, End.OPEN)
        assert (record.request, record.answer) == (b"q%d" % number, whole[5:])
    rig.from_upstream(headers(rig.upstream, 1, {"grpc-status": "4"}, h2.END_STREAM))
    closing = rig.records[-1]
    assert (closing.part, closing.status, closing.request_messages, closing.answer_messages) == (Part.CLOSING, 4, 3, 3)
    assert len({record.span_id for record in rig.records}) == 1


def test_trailers_only_answers_are_recorded_with_their_status() -> None:
    """An error without a message is recorded, with the request."""
    rig = Rig()
    rig.from_client(rig.call(body=b"q"))
    rig.from_upstream(headers(rig.upstream, 1, {":status": "200", "grpc-status": "3"}, h2.END_STREAM))
    (record,) = rig.records
    assert (record.end, record.status, record.request, record.answer) == (End.ANSWERED, 3, b"q", b"")


def test_every_way_a_call_can_end_is_recorded() -> None:
    """Resets by either side, streams that a GOAWAY gives up, and lost connections."""
    rig = Rig()
    for stream in (1, 3, 5, 7):
        rig.from_client(rig.call(stream))
    rig.from_client(h2.rst_stream(1, h2.CANCEL))
    rig.from_upstream(h2.rst_stream(3, h2.CANCEL))
    rig.from_upstream(h2.goaway(5, h2.NO_ERROR))
    rig.connection.lost()
    assert [record.end for record in rig.records] == [
        End.RESET_BY_CLIENT,
        End.RESET_BY_SERVER,
        End.RESET_BY_SERVER,
        End.CONNECTION_LOST,
    ]
    assert {record.status for record in rig.records} == {NO_STATUS}
    assert rig.capture.budget.used == 0


def test_an_upstream_that_is_about_to_end_says_so_in_its_trailers() -> None:
    """The answer that says so passes like any other."""
    rig = Rig()
    rig.from_client(rig.call())
    fields = {":status": "200", "grpc-status": "0", "scorelens-draining": "1"}
    assert not rig.connection.upstream_leaving
    to_client, _ = rig.from_upstream(headers(rig.upstream, 1, fields, h2.END_STREAM))
    assert rig.connection.upstream_leaving
    assert dict(fields_of(rig.client_reads, to_client)) == fields
    assert [record.status for record in rig.records] == [0]


def test_an_answer_cannot_slip_past_a_reset() -> None:
    """Bytes that arrive for a stream the caller has reset are dropped and given back to the upstream."""
    rig = Rig()
    rig.from_client(rig.call())
    rig.from_upstream(headers(rig.upstream, 1, {":status": "200"}))
    rig.from_client(h2.rst_stream(1, h2.CANCEL))
    down, _ = rig.from_upstream(h2.data_frames(1, message(FULL)))
    assert down == []
    _, up = rig.from_client(h2.frame(h2.PING, 0, 0, b"12345678"))
    assert Frame(h2.WINDOW_UPDATE, 0, 0, (len(FULL) + 5).to_bytes(4, "big")) in up


def test_a_withheld_answer_resets_the_call_and_spares_the_connection() -> None:
    """Both sides are told, it is recorded as withheld, and the next call's headers can still be read."""
    rig = Rig()
    rig.from_client(rig.call())
    bad = message(b"\x0b\x0a\x01x")
    down, up = rig.from_upstream(rig.answer(1, bad))
    assert [frame.kind for frame in down if frame.kind != h2.HEADERS] == [h2.RST_STREAM]
    assert h2.RST_STREAM in kinds(up)
    assert rig.records[0].end is End.WITHHELD
    rig.client_reads.decode(down[0].payload)
    rig.client_reads.decode(down[2].payload)
    rig.from_client(rig.call(3))
    down, _ = rig.from_upstream(rig.answer(3, message(FULL)))
    assert messages_in(data_of(down, 3)) == [RESULTS]
    assert fields_of(rig.client_reads, down[:1]) == [(":status", "200")]


@pytest.mark.parametrize("encoding", ["gzip", "snappy"])
def test_compressed_answers_do_not_leak(encoding: str) -> None:
    """An answer that was compressed all the same goes on plain and lean, or not at all."""
    rig = Rig()
    rig.from_client(rig.call())
    down, _ = rig.from_upstream(rig.answer(1, message(gzip.compress(FULL), 1), grpc_encoding=encoding))
    (record,) = rig.records
    if encoding == "gzip":
        assert messages_in(data_of(down)) == [RESULTS]
        assert (gzip.decompress(record.answer), record.answer_encoding) == (FULL, b"gzip")
    else:
        assert data_of(down) == b""
        assert record.end is End.WITHHELD


def test_messages_over_the_limit_are_cut_and_hashed() -> None:
    """A record keeps the limit's bytes, the size and the hash of the whole."""
    rig = Rig(capture_limit=100)
    rig.from_client(rig.call(body=b"q" * 300))
    rig.from_upstream(rig.answer(1, message(FULL)))
    (record,) = rig.records
    assert (record.request, record.request_size) == (b"q" * 100, 300)
    assert record.request_sha256 == hashlib.sha256(b"q" * 300).digest()
    assert record.answer_sha256 == hashlib.sha256(FULL).digest()


def test_captures_beyond_the_memory_bound_are_counted_as_dropped() -> None:
    """A call that finds no memory is answered all the same."""
    rig = Rig(capture_memory=600)
    rig.from_client(rig.call(1, body=b"q" * 400) + rig.call(3, body=b"q" * 400))
    for stream in (1, 3):
        down, _ = rig.from_upstream(rig.answer(stream, message(RESULTS)))
        assert messages_in(data_of(down, stream)) == [RESULTS]
    assert len(rig.records) == 1
    assert rig.recorder.dropped == {DropReason.MEMORY: 1}
    assert rig.capture.budget.used == 0


def test_sampling_goes_by_the_trace_id() -> None:
    """The same trace is always chosen or always left out, and what is left out is counted."""
    rig = Rig(sample=0.5)
    for stream in range(1, 400, 2):
        trace = f"00-{hashlib.md5(bytes([stream // 4])).hexdigest()}-b7ad6b7169203331-01"
        rig.from_client(rig.call(stream, traceparent=trace))
        rig.from_upstream(rig.answer(stream, message(FULL)))
    assert len(rig.records) + rig.recorder.sampled_out == 200
    assert 60 < len(rig.records) < 140
    assert all(sum(record.trace_id == other.trace_id for other in rig.records) % 2 == 0 for record in rig.records)
    assert {record.sampling_probability for record in rig.records} == {0.5}


def test_required_mode_refuses_a_call_that_cannot_be_recorded() -> None:
    """The caller gets RESOURCE_EXHAUSTED, the upstream sees headers and a reset, and the next call works."""
    rig = Rig(room=100 * 1024, mode="required")
    rig.from_client(rig.call(1))
    down, up = rig.from_client(rig.call(3, body=b"q"))
    assert kinds(up) == [h2.HEADERS, h2.RST_STREAM]
    status = dict(fields_of(rig.client_reads, down))
    assert (status["grpc-status"], down[0].flags & h2.END_STREAM) == ("8", h2.END_STREAM)
    assert rig.records[0].end is End.REFUSED
    down, _ = rig.from_upstream(rig.answer(1, message(FULL)))
    assert messages_in(data_of(down)) == [RESULTS]
    assert rig.recorder.reserved == 0
    down, up = rig.from_client(rig.call(5))
    assert (down, kinds(up)[:2]) == ([], [h2.HEADERS, h2.DATA])


def test_required_mode_ends_a_call_that_outgrows_the_room() -> None:
    """A call that holds more than could be reserved is reset on both sides."""
    rig = Rig(room=100 * 1024, mode="required")
    rig.from_client(rig.call())
    rig.from_upstream(headers(rig.upstream, 1, {":status": "200"}))
    seen: list[Frame] = []
    for _ in range(9):
        down, up = rig.from_upstream(h2.data_frames(1, message(field(2, b"r" * 16000))))
        seen += down + up
    resets = [frame.payload[3] for frame in seen if frame.kind == h2.RST_STREAM]
    assert resets == [h2.ENHANCE_YOUR_CALM, h2.CANCEL]
    assert (rig.records[0].end, rig.records[0].status, rig.recorder.reserved) == (End.REFUSED, 8, 0)


def test_required_mode_lets_no_answer_go_that_was_not_recorded() -> None:
    """When the append fails, the connection ends instead of the answer going on."""
    rig = Rig(mode="required")
    rig.from_client(rig.call())
    rig.recorder.broken = True
    down, _ = rig.from_upstream(rig.answer(1, message(FULL)))
    assert kinds(down) == [h2.GOAWAY]
    assert rig.connection.closed


def test_without_an_upstream_calls_are_unavailable() -> None:
    """Each call is answered at once with UNAVAILABLE, pings and settings as well, and recorded as refused."""
    rig = Rig()
    rig.connection.upstream_unreachable()
    rig.take()
    down, up = rig.from_client(h2.frame(h2.SETTINGS, 0, 0) + h2.frame(h2.PING, 0, 0, b"12345678") + rig.call(body=b"q"))
    assert up == []
    assert kinds(down) == [h2.SETTINGS, h2.PING, h2.HEADERS, h2.WINDOW_UPDATE]
    assert dict(fields_of(rig.client_reads, down))["grpc-status"] == "14"
    assert (rig.records[0].end, rig.records[0].status) == (End.REFUSED, 14)


def test_nobody_is_sent_away_before_being_greeted() -> None:
    """The first frame of a server is its SETTINGS; a GOAWAY before it would be taken for a fault."""
    rig = Rig()
    rig.connection.drain()
    assert rig.take() == ([], [])
    assert not rig.connection.greeted
    rig.from_upstream(h2.frame(h2.SETTINGS, 0, 0))
    assert rig.connection.greeted
    rig.connection.drain()
    assert kinds(rig.take()[0]) == [h2.GOAWAY, h2.PING]


def test_draining_takes_two_steps() -> None:
    """Calls on their way are served, later ones left to be tried elsewhere, and the connection ends with the last."""
    rig = Rig()
    rig.from_upstream(h2.frame(h2.SETTINGS, 0, 0))
    rig.from_client(rig.call(1))
    rig.connection.drain()
    goaway, ping = rig.take()[0]
    assert goaway.payload[:4] == b"\x7f\xff\xff\xff"
    rig.from_client(rig.call(3))
    down, up = rig.from_client(h2.frame(h2.PING, h2.ACK, 0, ping.payload))
    assert up == []
    assert int.from_bytes(down[0].payload[:4], "big") == 3
    down, up = rig.from_client(rig.call(5))
    assert (kinds(up), down[0].payload[3]) == ([h2.HEADERS, h2.RST_STREAM], h2.REFUSED_STREAM)
    down, _ = rig.from_upstream(h2.goaway(h2.MAX_STREAM, h2.NO_ERROR))
    assert int.from_bytes(down[0].payload[:4], "big") == 3
    rig.from_upstream(rig.answer(1, message(FULL)))
    assert not rig.connection.closed
    rig.from_upstream(rig.answer(3, message(FULL)))
    assert rig.connection.closed


@pytest.mark.parametrize(
    "data",
    [
        h2.frame(h2.HEADERS, h2.END_HEADERS, 1, b"\xff\xff\xff\xff\xff"),
        h2.frame(h2.HEADERS, h2.END_HEADERS | h2.PADDED, 1, b"\xff\x80"),
        h2.frame(h2.HEADERS, 0, 1, b"\x80") + h2.frame(h2.DATA, 0, 1, b"x"),
        h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, b"\x80"),
        b"\x00\x40\x01\x00\x00\x00\x00\x00\x01",
        h2.frame(h2.SETTINGS, 0, 0, b"12345"),
    ],
)
@pytest.mark.parametrize("side", ["client", "upstream"])
def test_a_peer_that_breaks_the_protocol_ends_the_connection(data: bytes, side: str) -> None:
    """Frames that cannot be understood are not passed on; calls in flight are recorded as lost."""
    rig = Rig()
    rig.from_client(rig.call(7))
    down, up = rig.from_client(data) if side == "client" else rig.from_upstream(data)
    assert (kinds(down), kinds(up)) == ([h2.GOAWAY], [h2.GOAWAY])
    assert rig.connection.closed
    assert rig.records[0].end is End.CONNECTION_LOST
    assert rig.from_upstream(rig.answer(7, message(FULL))) == ([], [])


def test_a_caller_that_speaks_something_else_is_turned_away() -> None:
    """Bytes that are not HTTP/2's preface reach nobody."""
    rig = Rig()
    rig.connection = Connection(rig.capture)
    down, up = rig.from_client(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n")
    assert (kinds(down), up) == ([h2.GOAWAY], [])


@pytest.mark.parametrize(("size", "most"), [(16384, 70), (0, 8000)])
def test_a_header_block_without_end_is_not_collected_for_ever(size: int, most: int) -> None:
    """CONTINUATION frames that never end are cut off after a megabyte, empty ones as well."""
    rig = Rig()
    rig.from_client(h2.frame(h2.HEADERS, 0, 1, b""))
    part = h2.frame(h2.CONTINUATION, 0, 1, bytes(size))
    for _ in range(most):
        rig.from_client(part)
        if rig.connection.closed:
            break
    assert rig.connection.closed


@pytest.mark.parametrize("seed", range(150))
def test_requests_pass_with_one_field_more(seed: int) -> None:
    """Padding, priority, CONTINUATION and blocks at the edge of a frame's size: the field is added exactly once."""
    chance = random.Random(seed)
    rig = Rig()
    size = chance.choice((0, 0, 100, 16300, 16340, 16360, 16384, 40000))
    asks = chance.random() < 0.3
    fields = [(":path", SCORE), ("x", "".join(chance.choice("abcdef") for _ in range(size)))]
    fields += [("scorelens-view", "full")] if asks else []
    block = rig.client.encode(fields, huffman=False)
    request = _header_frames(block, chance) + h2.data_frames(1, message(b"q"), h2.END_STREAM)
    up: list[Frame] = []
    in_pieces(request, lambda part: up.extend(rig.from_client(part)[1]), chance)
    found = fields_of(rig.upstream_reads, up)
    assert found == fields + ([] if asks else [("scorelens-view", "full")])
    assert data_of(up) == message(b"q")
    ends = [bool(frame.flags & h2.END_HEADERS) for frame in up if frame.kind in (h2.HEADERS, h2.CONTINUATION)]
    assert ends == [False] * (len(ends) - 1) + [True]


def _header_frames(block: bytes, chance: random.Random) -> bytes:
    padding = chance.choice((None, 0, 7, 200))
    priority = chance.random() < 0.3
    room = 16384 - (0 if padding is None else padding + 1) - 5 * priority
    cut = min(len(block), chance.choice((3, room, room)))
    rest = [block[at : at + 16384] for at in range(cut, len(block), 16384)]
    flags = (0 if padding is None else h2.PADDED) | (h2.WITH_PRIORITY if priority else 0)
    first = b"" if padding is None else bytes([padding])
    first += (b"\0\0\0\0\1" if priority else b"") + block[:cut] + bytes(padding or 0)
    parts = [h2.frame(h2.HEADERS, flags | (0 if rest else h2.END_HEADERS), 1, first)]
    parts += [
        h2.frame(h2.CONTINUATION, h2.END_HEADERS if number == len(rest) - 1 else 0, 1, part)
        for number, part in enumerate(rest)
    ]
    return b"".join(parts)


ANSWER_FIELDS = st.lists(st.tuples(st.integers(1, 4), st.binary(max_size=200)), max_size=6)


@given(st.lists(ANSWER_FIELDS, min_size=1, max_size=3), st.integers(0, 10**6), st.sampled_from([SCORE, STREAM]))
def test_answers_in_whole_frames_come_out_like_answers_in_pieces(
    answers: list[list[tuple[int, bytes]]], seed: int, path: str
) -> None:
    """One message a frame, the way that is taken nearly always, gives what any other cut and padding gives."""
    chance = random.Random(seed)
    bodies = [b"".join(field(number, value) for number, value in fields) for fields in answers]
    lean = [b"".join(field(number, value) for number, value in fields if number != 1) for fields in answers]
    found = []
    for cut in (False, True):
        rig = Rig()
        rig.from_client(rig.call(path=path, body=b"q"))
        down = rig.from_upstream(headers(rig.upstream, 1, {":status": "200"}))[0]
        for body in bodies:
            down += rig.from_upstream(_pieces(message(body), chance) if cut else h2.data_frames(1, message(body)))[0]
        down += rig.from_upstream(headers(rig.upstream, 1, {"grpc-status": "0"}, h2.END_STREAM))[0]
        assert messages_in(data_of(down)) == lean
        assert rig.capture.budget.used == 0
        found.append([(each.part, each.answer, each.answer_size, each.answer_messages) for each in rig.records])
    assert found[0] == found[1]


def _pieces(data: bytes, chance: random.Random) -> bytes:
    """Cut DATA into frames of any sizes, empty and padded ones among them."""
    frames = []
    while data:
        size, padding = chance.choice((0, 1, 4, 6, 50, 300)), chance.choice((None, None, 0, 3))
        part, data = data[:size], data[size:]
        sent = part if padding is None else bytes([padding]) + part + bytes(padding)
        frames.append(h2.frame(h2.DATA, 0 if padding is None else h2.PADDED, 1, sent))
    return b"".join(frames)
