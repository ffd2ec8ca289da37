"""The upstream's side of a connection: reads what the server sends, and decides what of it goes to the caller."""

from __future__ import annotations

import time

from scorelens_sidecar.captured import End
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.capture import Call
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
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    PeerError,
    Rest,
    frame,
    read_head,
    unpadded,
)
from scorelens_sidecar.relay.link import FRAMED, Block, Link, fragment
from scorelens_sidecar.relay.messages import PREFIX_SIZE, message_frames
from scorelens_sidecar.relay.strip import WithholdError, lean

_ANSWERED = End.ANSWERED  # an enumeration's look-up costs more than all else that is done with it


class UpstreamSide:
    """What the upstream has sent so far."""

    __slots__ = ("_block", "_capture", "_flow", "_link", "_rest")

    def __init__(self, link: Link) -> None:
        self._link, self._flow, self._capture = link, link.flow, link.capture
        self._rest = Rest()
        self._block: Block | None = None

    def take(self, data: bytes) -> None:
        """Take bytes, however they are cut. Raises PeerError."""
        if self._rest.have:
            data = self._rest.complete(data)
        if data:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """Read whole frames; HEADERS and DATA right here, for the reason that the caller's side has."""
        link, flow = self._link, self._flow
        out, calls, size = link.to_client, link.calls, len(data)
        largest = link.largest_from_upstream
        at = copied = 0
        need = HEAD_SIZE
        while size - at >= HEAD_SIZE:
            high, low, kind, flags, stream = read_head(data, at)
            length = high << 8 | low
            end = at + HEAD_SIZE + length
            stream &= MAX_STREAM
            if length > largest:
                raise PeerError(h2.FRAME_SIZE_ERROR, "the server behind the sidecar sent a frame that is too large")
            if end > size:
                need = end - at
                break
            instead: bytes | None = None  # what goes on in place of this frame
            if self._block is not None and kind != CONTINUATION:
                raise PeerError(h2.PROTOCOL_ERROR, "the server behind the sidecar broke off a header block")
            if kind == DATA:
                flow.upstream_window -= length
                call = calls.get(stream)
                if call is None:
                    flow.debt += length
                    instead = b""
                else:
                    instead = self._data(call, flags, data, at + HEAD_SIZE, end)
            elif kind == HEADERS:
                start = at + HEAD_SIZE
                part = fragment(data, start, end, flags) if flags & FRAMED else data[start:end]
                if flags & END_HEADERS:
                    self._answer(stream, flags, part)
                else:
                    self._block = Block(stream, flags, data[at:end], part)
                    instead = b""
            else:
                instead = self._other(kind, flags, stream, data[at:end])
            if instead is not None:
                if copied < at:
                    out.append(data[copied:at])
                if instead:
                    out.append(instead)
                copied = end
            at = end
        if at < size:
            self._rest.keep(data[at:], need)
        if copied < at:
            out.append(data[copied:at] if at - copied < size else data)

    def _data(self, call: Call, flags: int, data: bytes, start: int, end: int) -> bytes | None:
        """Take a DATA frame of an answer; return what goes on instead, None for the frame itself."""
        length = end - start
        call.window -= length
        if flags & PADDED:
            data = unpadded(data[start:end])
            start, end = 0, len(data)
        message = call.answer.feed(data, start, end)
        if self._capture.required and not self._capture.cover(call):
            self._flow.debt += length
            return self._link.end_midway(call, End.REFUSED)
        if call.terms.is_stream:
            self._capture.answered(call)
        instead = None
        if call.terms.strips:
            try:
                if message is None or call.strip is not None:
                    instead = self._stripped(call, flags, data[start:end], length)
                else:  # nearly always
                    rest = lean(message)
                    removed = length - PREFIX_SIZE - len(rest)
                    if removed:
                        self._flow.debt += removed
                        call.debt += removed
                        instead = message_frames(call.stream, rest, flags & END_STREAM)
            except WithholdError:
                self._flow.debt += length
                return self._link.end_midway(call, End.WITHHELD)
            # Looked at for every frame, since one that goes on as it is may use up the window that is left.
            if call.debt and self._flow.is_short(call):
                self._flow.owed[call.stream] = call
        if flags & END_STREAM:
            self._link.end(call, _ANSWERED)
        return instead

    def _stripped(self, call: Call, flags: int, payload: bytes, length: int) -> bytes:
        """Strip an answer that does not come as one plain message a frame."""
        flow = self._flow
        strip = call.strip or self._capture.stripper(call)
        held = strip.held
        rest = strip.feed(payload)
        if strip.held:
            flow.holding[call.stream] = call
        elif held:
            flow.holding.pop(call.stream, None)
        if strip.rewriting:
            flow.rewritten[call.stream] = call
        removed = length + held - strip.held - len(rest)
        flow.debt += removed
        call.debt += removed
        return h2.data_frames(call.stream, rest, flags & END_STREAM) if rest or flags & END_STREAM else b""

    def _answer(self, stream: int, flags: int, block: bytes) -> None:
        """Read a header block: an answer's first one, or its trailers."""
        link = self._link
        head = link.answers.known.get(block) or link.answers.read(block)
        call = link.calls.get(stream)
        if call is None:
            return
        if not call.first_answer_us:
            call.first_answer_us = (time.monotonic_ns() - call.began_ns) // 1000 or 1
        if head.leaving:
            link.leaving = True
        if head.encoding:
            call.answer_encoding = head.encoding
        if flags & END_STREAM:
            link.end(call, _ANSWERED, head.status)

    def _other(self, kind: int, flags: int, stream: int, raw: bytes) -> bytes | None:
        """Take a frame that is neither HEADERS nor DATA; return what goes on instead, None for the frame itself."""
        if kind == CONTINUATION:
            return self._continues(stream, flags, raw)
        if kind == GOAWAY:
            return self._goaway(raw[HEAD_SIZE:])
        if kind == PUSH_PROMISE:
            raise PeerError(h2.PROTOCOL_ERROR, "the server behind the sidecar pushes, which gRPC does not")
        if kind == RST_STREAM:
            call = self._link.calls.get(stream)
            if call is not None:
                self._link.end(call, End.RESET_BY_SERVER)
        elif kind == SETTINGS and not flags & ACK:
            self._settings(raw[HEAD_SIZE:])
        return None

    def _continues(self, stream: int, flags: int, raw: bytes) -> bytes:
        block = self._block
        if block is None or block.stream != stream:
            raise PeerError(h2.PROTOCOL_ERROR, "the server behind the sidecar continued no header block")
        block.add(raw)
        if not flags & END_HEADERS:
            return b""
        self._block = None
        self._answer(stream, block.flags, b"".join(block.parts))
        return b"".join(block.frames)

    def _settings(self, payload: bytes) -> None:
        for name, value in h2.settings_in(payload):
            if name == h2.HEADER_TABLE_SIZE:
                self._link.requests.allow_table(value)
            elif name == h2.MAX_FRAME_SIZE:
                self._link.largest_from_client = max(self._link.largest_from_client, value)

    def _goaway(self, payload: bytes) -> bytes:
        """Pass a GOAWAY on, never with a later stream than one before it, and close the calls it gives up."""
        link = self._link
        last = int.from_bytes(payload[:4], "big") & MAX_STREAM
        link.served = min(link.served, last)
        for call in [call for stream, call in link.calls.items() if stream > last]:
            link.end(call, End.RESET_BY_SERVER)
        return frame(GOAWAY, 0, 0, link.served.to_bytes(4, "big") + payload[4:])
