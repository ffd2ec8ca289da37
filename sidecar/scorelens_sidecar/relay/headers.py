"""Header blocks (HPACK, RFC 7541): read to know what a call is, never decoded to be written again.

The relay sees every block of a connection in order, so its decoders stay in step with those of the peers. What it adds
are literals without indexing, which change nobody's table.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from scorelens import conventions
from scorelens_sidecar.captured import NO_STATUS
from scorelens_sidecar.relay.frames import COMPRESSION_ERROR, PROTOCOL_ERROR, PeerError

LARGEST_LIST: Final = 16 * 2**20
"""Most bytes of a decoded block. grpc-go accepts as many; without a bound a few bytes could unpack to gigabytes."""

Fields = Sequence[Sequence[bytes]]
"""Name and value of each field, in order; decoders may add to the two what they like."""
Head = TypeVar("Head")

_ONE_BYTE_INDEXED: Final = bytes(range(0x81, 0xFF))
_VIEW_KEY: Final = conventions.VIEW_KEY.encode()
_VIEW_FULL: Final = conventions.VIEW_FULL.encode()
_PURPOSE_KEY: Final = conventions.PURPOSE_KEY.encode()
_DRAINING_KEY: Final = conventions.DRAINING_KEY.encode()
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-|\Z)", re.DOTALL
)
_TRACEPARENT_SIZE: Final = 55
_NO_TRACE: Final = (b"", b"")


class RequestHead(NamedTuple):
    """What the relay needs to know of a request, as far as it is the same for many calls."""

    path: bytes
    full_view: bool  # whether the caller asks for calculations itself
    purpose: bytes
    user_agent: bytes
    encoding: bytes


class AnswerHead(NamedTuple):
    """What the relay needs to know of an answer's headers or trailers."""

    status: int  # grpc-status, or NO_STATUS
    encoding: bytes
    leaving: bool  # whether the server asks for its callers to be sent away


def request_head(fields: Fields) -> tuple[RequestHead, tuple[bytes, bytes]]:
    """Pick what is needed out of a request's fields; also trace id and parent id, empty without a valid traceparent."""
    found = {field[0]: field[1] for field in fields}
    if len(found) < len(fields) and _count(fields, b":path") > 1:  # servers differ in which of them counts
        raise PeerError(PROTOCOL_ERROR, "a request names its method twice")
    get = found.get
    parent = get(b"traceparent")
    head = RequestHead(
        get(b":path", b""),
        _VIEW_KEY in found and _asks_for_full_view(fields),
        get(_PURPOSE_KEY, b""),
        get(b"user-agent", b""),
        get(b"grpc-encoding", b""),
    )
    if parent is None or (len(found) < len(fields) and _count(fields, b"traceparent") > 1):
        return head, _NO_TRACE
    return head, parse_traceparent(parent)


def _count(fields: Fields, name: bytes) -> int:
    return sum(field[0] == name for field in fields)


def _asks_for_full_view(fields: Fields) -> bool:
    views = (view for field in fields if field[0] == _VIEW_KEY for view in field[1].split(b","))
    return any(view.strip() == _VIEW_FULL for view in views)


def answer_head(fields: Fields) -> AnswerHead:
    """Pick what is needed out of an answer's fields."""
    found = {field[0]: field[1] for field in fields}
    status = found.get(b"grpc-status", b"")
    known = status.isdigit() and len(status) < 5
    return AnswerHead(int(status) if known else NO_STATUS, found.get(b"grpc-encoding", b""), _DRAINING_KEY in found)


def parse_traceparent(value: bytes) -> tuple[bytes, bytes]:
    """Return trace id and parent id of a W3C traceparent; both empty when it is not valid."""
    match = _TRACEPARENT.match(value)
    if match is None or (len(value) > _TRACEPARENT_SIZE and value.startswith(b"00")):
        return _NO_TRACE
    return unhexlify(match[1]), unhexlify(match[2])


class HeaderReader(Generic[Head]):
    """Reads the header blocks of one direction, in order.

    Remembers what a block of nothing but indexed fields said until another block may have changed the table: most calls
    of a connection send the same block, and looking it up is many times faster than decoding it. Callers may look in
    `known` themselves, to be spared the way here.
    """

    def __init__(self, pick: Callable[[Fields], Head], decoder: Callable[[], Any] | None = None) -> None:
        self._pick = pick
        self._decoder = (decoder or new_decoder)()
        self._allowed = 4096
        self.known: dict[bytes, Head] = {}

    def allow_table(self, size: int) -> None:
        """Follow a SETTINGS_HEADER_TABLE_SIZE.

        Only ever upwards: the encoder announces in a block when it shrinks the table, and blocks on their way may still
        use the old size.
        """
        if size > self._allowed:
            self._allowed = size
            self._decoder.max_allowed_table_size = size

    def read(self, block: bytes) -> Head:
        """Decode a block; raises PeerError when it cannot be read, after which no later one can be either."""
        known = self.known.get(block)
        if known is not None:
            return known
        try:
            fields = self._decoder.decode(block, True)
        except Exception as error:  # neither decoder keeps to its own exceptions on hostile input
            raise PeerError(COMPRESSION_ERROR, "a header block cannot be read") from error
        head = self._pick(fields)
        if block.translate(None, _ONE_BYTE_INDEXED):
            self.known.clear()
        else:
            self.known[block] = head
        return head


def rust_decoder() -> Any:
    """Make jh2's decoder, fifteen times faster than hpack's; its module is private and may go away."""
    from jh2 import _hazmat

    return _hazmat.Decoder(LARGEST_LIST)


def python_decoder() -> Any:
    """Make hpack's decoder."""
    import hpack

    return hpack.Decoder(max_header_list_size=LARGEST_LIST)


def _decodes(make: Callable[[], Any]) -> bool:
    try:
        decoder = make()
        decoder.max_allowed_table_size = 8192
        (field,) = decoder.decode(b"\x40\x01a\x01b", True)
    except Exception:
        return False
    return (field[0], field[1]) == (b"a", b"b")


new_decoder: Callable[[], Any] = rust_decoder if _decodes(rust_decoder) else python_decoder


def literal(name: bytes, value: bytes, never_indexed: bool = False) -> bytes:
    """Encode a field as a literal without indexing; both parts shorter than 127 bytes."""
    if max(len(name), len(value)) > 126:
        raise ValueError("a literal of the relay is too long")
    first = 0x10 if never_indexed else 0x00
    return bytes([first, len(name)]) + name + bytes([len(value)]) + value


ADDED: Final = literal(_VIEW_KEY, _VIEW_FULL)
"""Asks the scorer for calculations."""


def refusal(status: int, text: str) -> bytes:
    """Encode the only header block of an answer that the relay gives itself."""
    fields = (
        (b"content-type", b"application/grpc"),
        (b"grpc-status", str(status).encode()),
        (b"grpc-message", text.encode()),
    )
    ok = b"\x88"  # `:status: 200`, of the static table
    return ok + b"".join(literal(name, value, never_indexed=True) for name, value in fields)
