"""Documents blanked within protobuf messages that keep their size. Pure.

What a document, its result or its calculation said is replaced by a field that the contract does not know, filled with
zeros and just as long; all others keep their bytes, and their number among the documents of the message.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from typing import Any

from scorelens.v1.scorer_pb2 import Calculations, ScoreRequest, ScoreResponse
from scorelens_sidecar.spans.beginning import read_field
from scorelens_sidecar.spans.decode import BLANK_FIELD

DOCUMENTS = (ScoreRequest.DOCUMENTS_FIELD_NUMBER,)
RESULTS = (ScoreResponse.RESULTS_FIELD_NUMBER,)
CALCULATIONS = (ScoreResponse.CALCULATIONS_FIELD_NUMBER, Calculations.DOCUMENTS_FIELD_NUMBER)
PLACES = {"request": (DOCUMENTS,), "answer": (RESULTS, CALCULATIONS)}
"""Where documents are told of in the messages of either side, as numbers of fields from the outside in."""

_LENGTH = 2
_EMPTY_BLOCK = b"\0\0\0\xff\xff"
_DELIMITED = frozenset((0, 1, 2, 5))


class UnreadableError(ValueError):
    """A message whose fields cannot be told apart, or whose new form takes more room than the old one."""


def blank_documents(message: bytes, side: str, numbers: Collection[int]) -> bytes:
    """Return a message of a side ("request", "answer"), of which only the beginning may be there, with blanks.

    `numbers` count the documents from 0. Raises UnreadableError.
    """
    blanked = bytearray(message)
    for path in PLACES[side]:
        for number, (start, end) in enumerate(_bodies(message, 0, len(message), path)):
            if number in numbers:
                kept = min(end, len(message))
                blanked[start:kept] = filler(end - start)[: kept - start]
    return bytes(blanked)


def without_documents(message: Any, side: str, numbers: Collection[int]) -> Any:
    """Return a copy of a parsed message of a side whose numbered documents say nothing but that they were there."""
    blanked = type(message)()
    blanked.CopyFrom(message)
    lists = [blanked.documents] if side == "request" else [blanked.results, blanked.calculations.documents]
    for parts in lists:
        for number in numbers:
            if number < len(parts):
                parts[number].ParseFromString(filler(2))
    return blanked


def filler(size: int) -> bytes:
    """Return so many bytes that say nothing in any message of the contract; one alone cannot be a field."""
    tag = bytes((BLANK_FIELD << 3 | _LENGTH,))
    for digits in range(1, 6):
        content = size - 1 - digits
        if 0 <= content < 1 << 7 * digits:
            return tag + _padded(content, digits) + bytes(content)
    if size:
        raise UnreadableError(f"there is no field of {size} bytes")
    return b""


def compressed_again(plain: bytes, encoding: bytes, size: int, *, ends: bool) -> bytes:
    """Compress a message into exactly so many bytes.

    Behind a stream that `ends` stand zeros, which nobody reads; one that does not, because only the beginning of the
    message was kept, goes on with empty blocks. Raises UnreadableError when the bytes are too few.
    """
    stream = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == b"gzip" else 15, 9)
    data = stream.compress(plain) + stream.flush(zlib.Z_FINISH if ends else zlib.Z_SYNC_FLUSH)
    if len(data) > size:
        raise UnreadableError("compresses worse than before")
    rest = size - len(data)
    return data + (bytes(rest) if ends else (_EMPTY_BLOCK * (rest // len(_EMPTY_BLOCK) + 1))[:rest])


def _padded(value: int, digits: int) -> bytes:
    """Write a number in so many digits of seven bits, which may be more than it needs."""
    return bytes(value >> 7 * place & 0x7F | (0x80 if place < digits - 1 else 0) for place in range(digits))


def _bodies(message: bytes, start: int, end: int, path: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yield where the messages at a path begin and end; the last may end behind what is there."""
    at = start
    while at < end:
        try:
            number, kind, value, behind = read_field(message, at)
        except IndexError:  # the cut is within a field's head
            return
        if kind not in _DELIMITED:
            raise UnreadableError("has fields of a kind that the contract does not use")
        if number == path[0] and kind == _LENGTH:
            if len(path) == 1:
                yield value, behind
            else:
                yield from _bodies(message, value, min(behind, end), path[1:])
        at = behind
