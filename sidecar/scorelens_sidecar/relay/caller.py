"""The caller's side of a connection: reads what the caller sends, and decides what of it goes upstream."""

from __future__ import annotations

from typing import Final

from scorelens_sidecar.captured import End
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.capture import RESOURCE_EXHAUSTED, UNAVAILABLE, Call
from scorelens_sidecar.relay.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD_SIZE,
    HEADERS,
    MAX_STREAM,
    PADDED,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    PeerError,
    Rest,
    frame,
    read_head,
    unpadded,
)
from scorelens_sidecar.relay.headers import ADDED, refusal
from scorelens_sidecar.relay.link import FRAMED, Block, Link, fragment

DRAIN_PING: Final = b"scldrain"
"""Payload of the PING whose echo tells that a caller has seen the first GOAWAY."""

_FULL = "the sidecar must record every call and has no room left; try again later"
_AWAY = "the server behind the sidecar cannot be reached"


class CallerSide:
    """What the caller has sent so far. `returned` are bytes of requests that were dropped and not given back to it."""

    __slots__ = ("_block", "_capture", "_flow", "_link", "_rest", "preface_seen", "returned")

    def __init__(self, link: Link) -> None:
        self._link, self._flow, self._capture = link, link.flow, link.capture
        self._rest = Rest(len(h2.PREFACE))
        self._block: Block | None = None
        self.preface_seen = False
        self.returned = 0

    def take(self, data: bytes) -> None:
        """Take bytes, however they are cut. Raises PeerError."""
        if self._rest.have or not self.preface_seen:
            data = self._rest.complete(data)
        if data:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """Read whole frames.

        What nearly every call sends, HEADERS and DATA, is dealt with right here: each function that a frame takes
        costs as much as reading its head.
        """
        at = copied = 0
        if not self.preface_seen:
            at = self._preface(data)
        link = self._link
        out, calls, size = link.to_upstream, link.calls, len(data)
        largest, required = link.largest_from_client, self._capture.required
        need = HEAD_SIZE
        while size - at >= HEAD_SIZE:
            high, low, kind, flags, stream = read_head(data, at)
            length = high << 8 | low
            end = at + HEAD_SIZE + length
            stream &= MAX_STREAM
            if length > largest:
                raise PeerError(h2.FRAME_SIZE_ERROR, "the caller sent a frame that is too large")
            if end > size:
                need = end - at
                break
            instead: bytes | None = None  # what goes on in place of this frame
            if self._block is not None and kind != CONTINUATION:
                raise PeerError(h2.PROTOCOL_ERROR, "the caller broke off a header block")
            if kind == DATA:
                call = calls.get(stream)
                if call is None:
                    self.returned += length
                    instead = b""
                else:
                    if flags & PADDED:
                        payload = unpadded(data[at + HEAD_SIZE : end])
                        call.request.feed(payload, 0, len(payload))
                    else:
                        call.request.feed(data, at + HEAD_SIZE, end)
                    if required and not self._capture.cover(call):
                        link.to_client.append(link.end_midway(call, End.REFUSED))
                        instead = b""
            elif kind == HEADERS:
                start = at + HEAD_SIZE
                part = fragment(data, start, end, flags) if flags & FRAMED else data[start:end]
                if not flags & END_HEADERS:
                    self._block = Block(stream, flags, data[at:end], part)
                    instead = b""
                elif self._request(stream, part):
                    instead = h2.with_suffix(data[at:end], ADDED)
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

    def _preface(self, data: bytes) -> int:
        if not data.startswith(h2.PREFACE):
            raise PeerError(h2.PROTOCOL_ERROR, "the caller does not speak HTTP/2")
        self.preface_seen = True
        return len(h2.PREFACE)

    def _other(self, kind: int, flags: int, stream: int, raw: bytes) -> bytes | None:
        """Take a frame that is neither HEADERS nor DATA; return what goes on instead, None for the frame itself."""
        if kind == WINDOW_UPDATE:
            increment = int.from_bytes(raw[HEAD_SIZE:], "big") & MAX_STREAM
            return b"" if self._flow.client_grants(stream, increment) else None
        if kind == PING:
            return b"" if self._ping(flags, raw[HEAD_SIZE:]) else None
        if kind == CONTINUATION:
            return self._continues(stream, flags, raw)
        if kind == RST_STREAM:
            self._reset(stream)
        elif kind == SETTINGS and not flags & ACK:
            self._settings(raw[HEAD_SIZE:])
        return None

    def _continues(self, stream: int, flags: int, raw: bytes) -> bytes:
        block = self._block
        if block is None or block.stream != stream:
            raise PeerError(h2.PROTOCOL_ERROR, "the caller continued a header block that is not open")
        block.add(raw)
        if not flags & END_HEADERS:
            return b""
        self._block = None
        if self._request(stream, b"".join(block.parts)):
            block.frames[-1] = h2.with_suffix(raw, ADDED)
        return b"".join(block.frames)

    def _request(self, stream: int, block: bytes) -> bool:
        """Read a header block; True when the view is to be added to it."""
        link = self._link
        request = link.requests.known.get(block) or link.requests.read(block)
        if stream <= link.last:  # trailers, or a stream that is over
            return False
        link.last = stream
        call = self._capture.open(stream, request)
        if link.away:
            self._refuse(call, UNAVAILABLE, _AWAY)
        elif stream > link.served:
            self._turn_away(call)
        elif self._capture.required and not self._capture.cover(call):
            self._refuse(call, RESOURCE_EXHAUSTED, _FULL)
        else:
            link.calls[stream] = call
            self._flow.begin(stream)
        return request.terms.adds_view

    def _refuse(self, call: Call, status: int, text: str) -> None:
        """Answer a call that has just arrived. Its headers go on all the same, for HPACK's sake."""
        self._link.to_client.append(frame(HEADERS, END_HEADERS | END_STREAM, call.stream, refusal(status, text)))
        self._link.resets.append(h2.rst_stream(call.stream, h2.CANCEL))
        self._capture.close(call, End.REFUSED, status)

    def _turn_away(self, call: Call) -> None:
        """Leave a call that came after the last GOAWAY to the caller, which tries it again elsewhere."""
        if self._link.drained:
            self._link.to_client.append(h2.rst_stream(call.stream, h2.REFUSED_STREAM))
            self._link.resets.append(h2.rst_stream(call.stream, h2.CANCEL))
        self._capture.close(call, End.REFUSED if self._link.drained else End.RESET_BY_SERVER)

    def _reset(self, stream: int) -> None:
        call = self._link.calls.get(stream)
        if call is not None:
            self._link.end(call, End.RESET_BY_CLIENT)
        self._flow.forget(stream)

    def _settings(self, payload: bytes) -> None:
        link = self._link
        for name, value in h2.settings_in(payload):
            if name == h2.HEADER_TABLE_SIZE:
                link.answers.allow_table(value)
            elif name == h2.MAX_FRAME_SIZE:
                link.largest_from_upstream = max(link.largest_from_upstream, value)
            elif name == h2.INITIAL_WINDOW_SIZE:
                self._flow.resize(value)
        if link.away:
            link.to_client.append(frame(SETTINGS, ACK, 0))

    def _ping(self, flags: int, payload: bytes) -> bool:
        """Take a PING; True when it was meant for the relay."""
        link = self._link
        if flags & ACK and payload == DRAIN_PING and link.draining:
            link.drained = True
            link.served = min(link.served, link.last)
            link.to_client.append(h2.goaway(link.served, h2.NO_ERROR))
            return True
        if link.away and not flags & ACK:
            link.to_client.append(frame(PING, ACK, 0, payload))
        return False
