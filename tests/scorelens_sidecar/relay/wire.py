"""Slow, obvious HTTP/2 and protobuf for the tests: what the relay does is compared with this."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import hpack

from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.capture import Capture
from scorelens_sidecar.relay.connection import Connection
from scorelens_sidecar.settings import SidecarSettings
from tests.scorelens_sidecar.relay.memory import MemoryRecorder

SCORE = "/scorelens.v1.Scorer/Score"
STREAM = "/scorelens.v1.Scorer/ScoreStream"
OTHER = "/other.Service/Call"


class Frame(NamedTuple):
    """One frame, unpadded."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def split(data: bytes) -> list[Frame]:
    """Read whole frames, each no longer than every peer accepts."""
    found = []
    while data:
        size = int.from_bytes(data[:3], "big")
        assert size <= 16384
        assert len(data) >= 9 + size
        kind, flags, payload = data[3], data[4], data[9 : 9 + size]
        if kind in (h2.DATA, h2.HEADERS) and flags & h2.PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        if kind == h2.HEADERS and flags & h2.WITH_PRIORITY:
            payload = payload[5:]
        found.append(Frame(kind, flags, int.from_bytes(data[5:9], "big") & 0x7FFFFFFF, payload))
        data = data[9 + size :]
    return found


def varint(value: int) -> bytes:
    """Encode a protobuf varint."""
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: bytes) -> bytes:
    """Encode a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(payload: bytes, compressed: int = 0) -> bytes:
    """Put gRPC's prefix before a message."""
    return bytes([compressed]) + len(payload).to_bytes(4, "big") + payload


def messages_in(data: bytes) -> list[bytes]:
    """Read whole plain gRPC messages."""
    found = []
    while data:
        assert data[0] == 0
        size = int.from_bytes(data[1:5], "big")
        assert len(data) >= 5 + size
        found.append(data[5 : 5 + size])
        data = data[5 + size :]
    return found


def headers(encoder: hpack.Encoder, stream: int, fields: dict[str, str], flags: int = 0) -> bytes:
    """Build a HEADERS frame."""
    return h2.frame(h2.HEADERS, h2.END_HEADERS | flags, stream, encoder.encode(list(fields.items())))


class Rig:
    """A connection of the relay with a recorder in memory, and HPACK state of both peers."""

    def __init__(self, room: int = 2**40, **settings: object) -> None:
        self.settings = SidecarSettings(**settings)  # type: ignore[arg-type]
        self.recorder = MemoryRecorder(room)
        self.capture = Capture(self.settings, self.recorder)
        self.connection = Connection(self.capture)
        self.client, self.upstream = hpack.Encoder(), hpack.Encoder()
        self.client_reads, self.upstream_reads = hpack.Decoder(), hpack.Decoder()
        self.from_client(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0))

    @property
    def records(self) -> list[CapturedCall]:
        """What was recorded."""
        return self.recorder.records

    def take(self) -> tuple[list[Frame], list[Frame]]:
        """Return what goes to the caller and what goes upstream."""
        client, upstream = b"".join(self.connection.to_client), b"".join(self.connection.to_upstream)
        self.connection.to_client.clear()
        self.connection.to_upstream.clear()
        return split(client), split(upstream.removeprefix(h2.PREFACE))

    def from_client(self, data: bytes) -> tuple[list[Frame], list[Frame]]:
        """Feed what the caller sends."""
        self.connection.from_client(data)
        return self.take()

    def from_upstream(self, data: bytes) -> tuple[list[Frame], list[Frame]]:
        """Feed what the upstream sends."""
        self.connection.from_upstream(data)
        return self.take()

    def call(self, stream: int = 1, path: str = SCORE, body: bytes = b"", **fields: str) -> bytes:
        """Build a request."""
        head = {":method": "POST", ":path": path} | {name.replace("_", "-"): value for name, value in fields.items()}
        return headers(self.client, stream, head) + h2.frame(h2.DATA, h2.END_STREAM, stream, message(body))

    def answer(self, stream: int = 1, *bodies: bytes, status: int = 0, **fields: str) -> bytes:
        """Build an answer with trailers."""
        head = {":status": "200"} | {name.replace("_", "-"): value for name, value in fields.items()}
        data = b"".join(h2.data_frames(stream, body) for body in bodies)
        trailers = headers(self.upstream, stream, {"grpc-status": str(status)}, h2.END_STREAM)
        return headers(self.upstream, stream, head) + data + trailers


def data_of(found: list[Frame], stream: int = 1) -> bytes:
    """Join a stream's DATA."""
    return b"".join(frame.payload for frame in found if frame.kind == h2.DATA and frame.stream == stream)


def in_pieces(data: bytes, feed: Callable[[bytes], object], chance: random.Random) -> None:
    """Feed bytes in pieces of random sizes."""
    at = 0
    while at < len(data):
        size = chance.choice((1, 3, 9, 50, 5000, 70000))
        feed(data[at : at + size])
        at += size
