"""One caller's connection and the upstream connection that belongs to it: bytes in on one side, bytes out on the other.

Frames go on as they came, whole, and in order. The exceptions:

- a request's header block may get one more field;
- DATA of an answer that is stripped; what is taken out is given back to the upstream as window;
- DATA on a stream that has no call (any more): dropped and given back to its sender, so that bytes of an answer cannot
  slip past once its stream was reset;
- calls that the relay refuses or withholds, and its own GOAWAY while it drains.

A header block is let go whole, so that frames of the relay never come between its parts.
"""

from __future__ import annotations

import time
from typing import Final

from scorelens_sidecar.captured import NO_STATUS, End
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.capture import RESOURCE_EXHAUSTED, UNAVAILABLE, Call, Capture, Terms
from scorelens_sidecar.relay.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD_SIZE,
    HEADERS,
    MAX_STREAM,
    PADDED,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    PeerError,
    Rest,
    frame,
    read_head,
    unpadded,
)
from scorelens_sidecar.relay.gate import Gate
from scorelens_sidecar.relay.headers import (
    ADDED,
    LARGEST_LIST,
    AnswerHead,
    HeaderReader,
    answer_head,
    refusal,
)
from scorelens_sidecar.relay.strip import Stripper, WithholdError

LOW: Final = 32768
"""While the upstream may still send this much, giving window back can wait for the next write."""
SHARE: Final = 4
"""Answers may hold one part in so many of a window, of a stream's and of the connection's, without any harm: the caller
sees enough of the rest to give window back."""
_FRAMED: Final = PADDED | WITH_PRIORITY
DRAIN_PING: Final = b"scldrain"
"""Payload of the PING whose echo tells that a caller has seen the first GOAWAY."""

_FULL = "the sidecar must record every call and has no room left; try again later"
_AWAY = "the server behind the sidecar cannot be reached"


class Block:
    """A header block whose end has not arrived."""

    __slots__ = ("flags", "frames", "parts", "size", "stream")

    def __init__(self, stream: int, flags: int, raw: bytes, part: bytes) -> None:
        self.stream, self.flags = stream, flags
        self.frames, self.parts, self.size = [raw], [part], len(raw)

    def add(self, raw: bytes) -> None:
        """Add a CONTINUATION frame."""
        self.frames.append(raw)
        self.parts.append(raw[HEAD_SIZE:])
        self.size += len(raw)
        if self.size > LARGEST_LIST:
            raise PeerError(h2.ENHANCE_YOUR_CALM, "a header block does not end")


def _fragment(data: bytes, at: int, end: int, flags: int) -> bytes:
    """Return the part of a header block that a HEADERS frame holds; `at` is where its payload starts."""
    if flags & PADDED:
        padding = data[at] if at < end else 0
        at, end = at + 1, end - padding
    if flags & WITH_PRIORITY:
        at += 5
    if at > end:
        raise PeerError(h2.PROTOCOL_ERROR, "a HEADERS frame has more padding than bytes")
    return data[at:end]


class Connection:
    """The state of both connections. Feed it what was read, then write and clear `to_client` and `to_upstream`.

    Records of calls that end in a read are appended before the feeding method returns. Once `closed`, what is left is
    to be written and both connections closed.
    """

    def __init__(self, capture: Capture) -> None:
        self.to_client: list[bytes] = []
        self.to_upstream: list[bytes] = []
        self.closed = False
        self.failure = ""  # why the relay closed it, for the log
        self.calls: dict[int, Call] = {}
        self._capture = capture
        self._requests: HeaderReader[Terms] = HeaderReader(capture.terms)
        self._answers: HeaderReader[AnswerHead] = HeaderReader(answer_head)
        self._client_rest = Rest(len(h2.PREFACE))
        self._upstream_rest = Rest()
        self._preface_seen = False
        self._request_block: Block | None = None
        self._answer_block: Block | None = None
        self._largest_from_client = self._largest_from_upstream = h2.LEAST_MAX_FRAME
        self._initial_window = h2.FIRST_WINDOW  # of a stream, as the caller set it
        self._upstream_window = h2.FIRST_WINDOW  # what the upstream may still send on the connection
        self._debt = 0  # bytes of answers that were taken out and not given back to the upstream
        self._returned = 0  # bytes of requests that were dropped and not given back to the caller
        self._owed: dict[int, Call] = {}  # calls whose stream may need window given back
        self._holding: dict[int, Call] = {}  # calls of whose answer something is held
        self._rewritten: dict[int, Call] = {}  # calls whose answer was rewritten in this read
        self._resets: list[bytes] = []  # for the upstream, after the frames of this read
        self._gate: Gate | None = None
        self._last = 0  # the caller's latest stream
        self._served = MAX_STREAM  # the latest stream that a GOAWAY promised to serve
        self._draining = self._drained = self._away = False

    # -- feeding ------------------------------------------------------------------------------------------------------

    def from_client(self, data: bytes) -> None:
        """Take bytes that the caller sent."""
        if self.closed:
            return
        try:
            if self._client_rest.have or not self._preface_seen:
                data = self._client_rest.complete(data)
            if data:
                self._read_client(data)
        except PeerError as error:
            self._fail(error)
        self._finish()

    def from_upstream(self, data: bytes) -> None:
        """Take bytes that the upstream sent."""
        if self.closed:
            return
        try:
            if self._upstream_rest.have:
                data = self._upstream_rest.complete(data)
            if data:
                self._read_upstream(data)
            if self._owed or self._holding or self._rewritten:
                self._settle()
        except PeerError as error:
            self._fail(error)
        if self._gate is not None and self.to_client:
            self.to_client[:] = [self._gate.let(b"".join(self.to_client))]
        self._finish()

    def upstream_unreachable(self) -> None:
        """Answer this caller's calls with UNAVAILABLE from now on: there is no upstream."""
        self._away = True
        self.to_client.append(frame(SETTINGS, 0, 0))

    def drain(self) -> None:
        """Ask the caller to open no more calls, in two steps so that none on its way is lost."""
        if not self._draining and not self.closed:
            self._draining = True
            self.to_client += (h2.goaway(self._served, h2.NO_ERROR), frame(PING, 0, 0, DRAIN_PING))

    def lost(self) -> None:
        """Record the calls in flight as lost with the connection."""
        self.closed = True
        self._close_all(End.CONNECTION_LOST)
        self._capture.flush()

    # -- from the caller ----------------------------------------------------------------------------------------------

    def _read_client(self, data: bytes) -> None:
        at = copied = 0
        if not self._preface_seen:
            if not data.startswith(h2.PREFACE):
                raise PeerError(h2.PROTOCOL_ERROR, "the caller does not speak HTTP/2")
            self._preface_seen = True
            at = len(h2.PREFACE)
        out, calls, size = self.to_upstream, self.calls, len(data)
        need = HEAD_SIZE
        while size - at >= HEAD_SIZE:
            high, low, kind, flags, stream = read_head(data, at)
            length = high << 8 | low
            end = at + HEAD_SIZE + length
            stream &= MAX_STREAM
            if length > self._largest_from_client:
                raise PeerError(h2.FRAME_SIZE_ERROR, "the caller sent a frame that is too large")
            if end > size:
                need = end - at
                break
            instead: bytes | None = None  # what goes on in place of this frame
            if self._request_block is not None and kind != CONTINUATION:
                raise PeerError(h2.PROTOCOL_ERROR, "the caller broke off a header block")
            if kind == DATA:
                call = calls.get(stream)
                if call is None:
                    self._returned += length
                    instead = b""
                else:
                    payload = data[at + HEAD_SIZE : end]
                    call.request.feed(unpadded(payload) if flags & PADDED else payload)
                    if self._capture.required and not self._capture.cover(call):
                        self.to_client.append(self._end_midway(call, End.REFUSED))
                        instead = b""
            elif kind == HEADERS:
                part = (
                    data[at + HEAD_SIZE : end] if not flags & _FRAMED else _fragment(data, at + HEAD_SIZE, end, flags)
                )
                if flags & END_HEADERS:
                    if self._request(stream, part):
                        instead = h2.with_suffix(data[at:end], ADDED)
                else:
                    self._request_block = Block(stream, flags, data[at:end], part)
                    instead = b""
            elif kind == CONTINUATION:
                instead = self._request_continues(stream, flags, data[at:end])
            elif kind == WINDOW_UPDATE:
                if self._client_grants(stream, data[at + HEAD_SIZE : end]):
                    instead = b""
            elif kind == RST_STREAM:
                self._reset_by_client(stream)
            elif kind == SETTINGS:
                if not flags & ACK:
                    self._client_settings(data[at + HEAD_SIZE : end])
            elif kind == PING and self._client_pings(flags, data[at + HEAD_SIZE : end]):
                instead = b""
            if instead is not None:
                if copied < at:
                    out.append(data[copied:at])
                if instead:
                    out.append(instead)
                copied = end
            at = end
        if at < size:
            self._client_rest.keep(data[at:], need)
        if copied < at:
            out.append(data[copied:at] if at - copied < size else data)

    def _request_continues(self, stream: int, flags: int, raw: bytes) -> bytes:
        block = self._request_block
        if block is None or block.stream != stream:
            raise PeerError(h2.PROTOCOL_ERROR, "the caller continued a header block that is not open")
        block.add(raw)
        if not flags & END_HEADERS:
            return b""
        self._request_block = None
        if self._request(stream, b"".join(block.parts)):
            block.frames[-1] = h2.with_suffix(raw, ADDED)
        return b"".join(block.frames)

    def _request(self, stream: int, fragment: bytes) -> bool:
        """Read a header block of the caller; True when the view is to be added to it."""
        terms = self._requests.read(fragment)
        if stream <= self._last:  # trailers, or a stream that is over
            return False
        self._last = stream
        call = self._capture.open(stream, terms)
        if self._away:
            self._refuse(call, UNAVAILABLE, _AWAY)
        elif stream > self._served:
            self._turn_away(call)
        elif self._capture.required and not self._capture.cover(call):
            self._refuse(call, RESOURCE_EXHAUSTED, _FULL)
        else:
            self.calls[stream] = call
            if self._gate is not None:
                self._gate.open(stream, self._initial_window)
        return terms.adds_view

    def _refuse(self, call: Call, status: int, text: str) -> None:
        """Answer a call that has just arrived. Its headers go on all the same, for HPACK's sake."""
        self.to_client.append(frame(HEADERS, END_HEADERS | END_STREAM, call.stream, refusal(status, text)))
        self._resets.append(h2.rst_stream(call.stream, h2.CANCEL))
        self._capture.close(call, End.REFUSED, status)

    def _turn_away(self, call: Call) -> None:
        """Leave a call that came after the last GOAWAY to the caller, which tries it again elsewhere."""
        if self._drained:
            self.to_client.append(h2.rst_stream(call.stream, h2.REFUSED_STREAM))
            self._resets.append(h2.rst_stream(call.stream, h2.CANCEL))
        self._capture.close(call, End.REFUSED if self._drained else End.RESET_BY_SERVER)

    def _client_grants(self, stream: int, payload: bytes) -> bool:
        """Take a WINDOW_UPDATE; True when it does not go on, since the gate gives its own."""
        increment = int.from_bytes(payload, "big") & MAX_STREAM
        if self._gate is not None:
            self._gate.grant(stream, increment)
            return stream == 0 or stream in self.calls
        if stream == 0:
            self._upstream_window += increment
        else:
            call = self.calls.get(stream)
            if call is not None:
                call.window += increment
        return False

    def _reset_by_client(self, stream: int) -> None:
        call = self.calls.pop(stream, None)
        if call is not None:
            self._over(call)
            self._capture.close(call, End.RESET_BY_CLIENT)
        if self._gate is not None:
            self._gate.forget(stream)

    def _client_settings(self, payload: bytes) -> None:
        for name, value in h2.settings_in(payload):
            if name == h2.HEADER_TABLE_SIZE:
                self._answers.allow_table(value)
            elif name == h2.MAX_FRAME_SIZE:
                self._largest_from_upstream = max(self._largest_from_upstream, value)
            elif name == h2.INITIAL_WINDOW_SIZE:
                if self._gate is not None:
                    self._gate.shift(value - self._initial_window)
                self._initial_window = value
        if self._away:
            self.to_client.append(frame(SETTINGS, ACK, 0))

    def _client_pings(self, flags: int, payload: bytes) -> bool:
        """Take a PING; True when it was meant for the relay."""
        if flags & ACK and payload == DRAIN_PING and self._draining:
            self._drained = True
            self._served = min(self._served, self._last)
            self.to_client.append(h2.goaway(self._served, h2.NO_ERROR))
            return True
        if self._away and not flags & ACK:
            self.to_client.append(frame(PING, ACK, 0, payload))
        return False

    # -- from the upstream --------------------------------------------------------------------------------------------

    def _read_upstream(self, data: bytes) -> None:
        out, calls, size = self.to_client, self.calls, len(data)
        at = copied = 0
        need = HEAD_SIZE
        while size - at >= HEAD_SIZE:
            high, low, kind, flags, stream = read_head(data, at)
            length = high << 8 | low
            end = at + HEAD_SIZE + length
            stream &= MAX_STREAM
            if length > self._largest_from_upstream:
                raise PeerError(h2.FRAME_SIZE_ERROR, "the server behind the sidecar sent a frame that is too large")
            if end > size:
                need = end - at
                break
            instead: bytes | None = None  # what goes on in place of this frame
            if self._answer_block is not None and kind != CONTINUATION:
                raise PeerError(h2.PROTOCOL_ERROR, "the server behind the sidecar broke off a header block")
            if kind == DATA:
                self._upstream_window -= length
                call = calls.get(stream)
                if call is None:
                    self._debt += length
                    instead = b""
                else:
                    payload = data[at + HEAD_SIZE : end]
                    instead = self._answer_data(call, flags, payload)
            elif kind == HEADERS:
                part = (
                    data[at + HEAD_SIZE : end] if not flags & _FRAMED else _fragment(data, at + HEAD_SIZE, end, flags)
                )
                if flags & END_HEADERS:
                    self._answer(stream, flags, part)
                else:
                    self._answer_block = Block(stream, flags, data[at:end], part)
                    instead = b""
            elif kind == CONTINUATION:
                instead = self._answer_continues(stream, flags, data[at:end])
            elif kind == RST_STREAM:
                self._reset_by_server(stream)
            elif kind == SETTINGS:
                if not flags & ACK:
                    self._upstream_settings(data[at + HEAD_SIZE : end])
            elif kind == GOAWAY:
                instead = self._goaway_from_upstream(data[at + HEAD_SIZE : end])
            elif kind == PUSH_PROMISE:
                raise PeerError(h2.PROTOCOL_ERROR, "the server behind the sidecar pushes, which gRPC does not")
            if instead is not None:
                if copied < at:
                    out.append(data[copied:at])
                if instead:
                    out.append(instead)
                copied = end
            at = end
        if at < size:
            self._upstream_rest.keep(data[at:], need)
        if copied < at:
            out.append(data[copied:at] if at - copied < size else data)

    def _answer_data(self, call: Call, flags: int, payload: bytes) -> bytes | None:
        """Take a DATA frame of an answer; return what goes on instead, None for the frame itself."""
        length = len(payload)
        call.window -= length
        if flags & PADDED:
            payload = unpadded(payload)
        call.answer.feed(payload)
        if self._capture.required and not self._capture.cover(call):
            self._debt += length
            return self._end_midway(call, End.REFUSED)
        if call.terms.is_stream:
            self._capture.answered(call)
        instead = None if call.strip is None else self._stripped(call, call.strip, flags, payload, length)
        if flags & END_STREAM and call.stream in self.calls:
            self._end(call, NO_STATUS)
        return instead

    def _stripped(self, call: Call, strip: Stripper, flags: int, payload: bytes, length: int) -> bytes | None:
        held = strip.held
        try:
            lean = strip.feed(payload)
        except WithholdError:
            self._debt += held + length
            call.strip = None
            return self._end_midway(call, End.WITHHELD)
        if lean is payload and length == len(payload):
            return None
        now_held = strip.held
        removed = length + held - now_held - len(lean)
        self._debt += removed
        call.debt += removed
        self._owed[call.stream] = call
        if now_held:
            self._holding[call.stream] = call
        else:
            self._holding.pop(call.stream, None)
        if strip.rewriting:
            self._rewritten[call.stream] = call
        return h2.data_frames(call.stream, lean, flags & END_STREAM) if lean or flags & END_STREAM else b""

    def _answer_continues(self, stream: int, flags: int, raw: bytes) -> bytes:
        block = self._answer_block
        if block is None or block.stream != stream:
            raise PeerError(h2.PROTOCOL_ERROR, "the server behind the sidecar continued no header block")
        block.add(raw)
        if not flags & END_HEADERS:
            return b""
        self._answer_block = None
        self._answer(stream, block.flags, b"".join(block.parts))
        return b"".join(block.frames)

    def _answer(self, stream: int, flags: int, fragment: bytes) -> None:
        """Read a header block of the upstream: an answer's first one, or its trailers."""
        head = self._answers.read(fragment)
        call = self.calls.get(stream)
        if call is None:
            return
        if not call.first_answer_us:
            call.first_answer_us = max(1, (time.monotonic_ns() - call.began_ns) // 1000)
        if head.encoding:
            call.answer_encoding = head.encoding
            if call.strip is not None:
                call.strip.compressed_with(head.encoding)
        if flags & END_STREAM:
            self._end(call, head.status)

    def _end(self, call: Call, status: int) -> None:
        del self.calls[call.stream]
        self._over(call)
        self._capture.close(call, End.ANSWERED, status)

    def _reset_by_server(self, stream: int) -> None:
        call = self.calls.pop(stream, None)
        if call is not None:
            self._over(call)
            self._capture.close(call, End.RESET_BY_SERVER)

    def _upstream_settings(self, payload: bytes) -> None:
        for name, value in h2.settings_in(payload):
            if name == h2.HEADER_TABLE_SIZE:
                self._requests.allow_table(value)
            elif name == h2.MAX_FRAME_SIZE:
                self._largest_from_client = max(self._largest_from_client, value)

    def _goaway_from_upstream(self, payload: bytes) -> bytes:
        """Pass a GOAWAY on, never with a later stream than one before it, and close the calls it gives up."""
        last = int.from_bytes(payload[:4], "big") & MAX_STREAM
        self._served = min(self._served, last)
        for call in [call for stream, call in self.calls.items() if stream > last]:
            del self.calls[call.stream]
            self._over(call)
            self._capture.close(call, End.RESET_BY_SERVER)
        return frame(GOAWAY, 0, 0, self._served.to_bytes(4, "big") + payload[4:])

    # -- calls that end here ------------------------------------------------------------------------------------------

    def _end_midway(self, call: Call, end: End) -> bytes:
        """Reset a call on both sides; returns the caller's reset.

        Header blocks that still come for the call go on, for HPACK's sake. gRPC libraries read ENHANCE_YOUR_CALM as
        RESOURCE_EXHAUSTED.
        """
        del self.calls[call.stream]
        self._over(call)
        if self._gate is not None:
            self._gate.forget(call.stream)
        withheld = end is End.WITHHELD
        self._resets.append(h2.rst_stream(call.stream, h2.CANCEL))
        self._capture.close(call, end, NO_STATUS if withheld else RESOURCE_EXHAUSTED)
        return h2.rst_stream(call.stream, h2.INTERNAL_ERROR if withheld else h2.ENHANCE_YOUR_CALM)

    def _over(self, call: Call) -> None:
        """Let go of what is held of a call's answer; those bytes will not go on any more."""
        if call.strip is not None:
            self._debt += call.strip.held
        self._owed.pop(call.stream, None)
        self._holding.pop(call.stream, None)

    def _close_all(self, end: End) -> None:
        calls = list(self.calls.values())
        self.calls.clear()
        for call in calls:
            self._over(call)
            self._capture.close(call, end)

    def _fail(self, error: PeerError) -> None:
        """End both connections: one of the peers cannot be understood any more."""
        self.failure = str(error)
        self.closed = True
        self._close_all(End.CONNECTION_LOST)
        last = h2.goaway(min(self._last, self._served), error.code, str(error))
        self.to_client.append(last)
        if self._preface_seen:
            self.to_upstream.append(h2.goaway(0, error.code))

    # -- after each read ----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Give window back to streams that need it, and see to answers that are held or rewritten."""
        total = sum(call.strip.held for call in self._holding.values() if call.strip is not None)
        for call in list(self._holding.values()):
            if call.strip is not None:
                self._settle_held(call, call.strip, total > h2.FIRST_WINDOW // SHARE)
        if self._rewritten:
            self._open_gate()
            self._rewritten.clear()
        if self._gate is None:
            for stream, call in self._owed.items():
                if call.debt > 0 and self._initial_window + call.window < LOW:
                    self.to_upstream.append(h2.window_update(stream, call.debt))
                    call.window += call.debt
                    call.debt = 0
        self._owed.clear()

    def _settle_held(self, call: Call, strip: Stripper, crowded: bool) -> None:
        """Keep an answer that is held from stopping the upstream, and from taking memory beyond the bound."""
        if crowded or strip.held > self._initial_window // SHARE:
            early = strip.hurry()
            if early:
                self.to_client.append(h2.data_frames(call.stream, early))
            elif strip.held:
                self._open_gate()
        held = strip.held
        if not self._capture.budget.take(held - call.accounted):
            self.to_client.append(self._end_midway(call, End.WITHHELD))
            return
        call.accounted = held
        if not held:
            self._holding.pop(call.stream, None)

    def _open_gate(self) -> None:
        """Take the caller's windows over; `to_client` holds what this read lets go and no window was checked for."""
        if self._gate is not None:
            return
        held = {stream: call.strip.held for stream, call in self.calls.items() if call.strip is not None}
        calls = self.calls | self._rewritten
        windows = {
            stream: self._initial_window + call.window + call.debt + held.get(stream, 0)
            for stream, call in calls.items()
        }
        self._gate = Gate(self._upstream_window + self._debt + sum(held.values()), windows)
        self._gate.expect(b"".join(self.to_client))

    def _finish(self) -> None:
        """Append the records of this read, then give window back and add what must follow the frames of this read."""
        if not self._capture.flush() and self._capture.required and not self.closed:
            self.to_client.clear()
            self._fail(PeerError(h2.INTERNAL_ERROR, "a call that must be recorded could not be"))
            self._capture.flush()
        if self._gate is not None:
            self._give_by_gate(self._gate)
        elif self._debt > 0 and (self.to_upstream or self._upstream_window < LOW):
            self.to_upstream.append(h2.window_update(0, self._debt))
            self._upstream_window += self._debt
            self._debt = 0
        if self._resets:
            self.to_upstream += self._resets
            self._resets.clear()
        if self._returned:
            self.to_client.append(h2.window_update(0, self._returned))
            self._returned = 0
        if self._away:
            self.to_upstream.clear()
        if self._drained and not self.calls and not (self._gate and self._gate.waiting):
            self.closed = True

    def _give_by_gate(self, gate: Gate) -> None:
        """Let the upstream send what the caller has window for, and what an answer that is held still needs."""
        ready = gate.drain()
        if ready:
            self.to_client.append(ready)
        holds = 0
        more = h2.FIRST_WINDOW if gate.waiting <= LOW else 0  # a caller that does not read stops the upstream
        for stream, call in self.calls.items():
            held = call.strip.held if call.strip else 0
            holds += held
            room = gate.streams.get(stream, 0) - gate.queued.get(stream, 0) - held
            window = self._initial_window + call.window
            credit = max(room, more if held else 0) - window
            if credit > 0 and (window < LOW or credit >= LOW):
                self.to_upstream.append(h2.window_update(stream, credit))
                call.window += credit
        room = max(gate.window - gate.waiting - holds, more if holds else 0)
        credit = room - self._upstream_window
        if credit > 0 and (self._upstream_window < LOW or credit >= LOW):
            self.to_upstream.append(h2.window_update(0, credit))
            self._upstream_window += credit
        self._debt = 0
