"""Decompression of captured messages, within a bound."""

from __future__ import annotations

import zlib

_GZIP, _ZLIB, _RAW = 31, 15, -15


class UndecodableError(ValueError):
    """A captured message that cannot be decompressed; the text says what is wrong with it."""


def decompress(message: bytes, encoding: bytes, limit: int) -> bytes:
    """Return a message as it was before compression; raises UndecodableError when that would be over `limit` bytes."""
    try:
        match encoding:
            case b"" | b"identity":
                return message
            case b"gzip":
                return _inflate(message, _GZIP, limit)
            case b"deflate":
                return _inflate_deflate(message, limit)
    except zlib.error as error:
        raise UndecodableError(f"is not what {encoding.decode()} makes") from error
    raise UndecodableError(f"is compressed with {encoding.decode(errors='replace')[:40]}, which is not supported")


def _inflate_deflate(message: bytes, limit: int) -> bytes:
    # HTTP's "deflate" is the zlib format, but senders of the bare format exist.
    try:
        return _inflate(message, _ZLIB, limit)
    except zlib.error:
        return _inflate(message, _RAW, limit)


def _inflate(message: bytes, window: int, limit: int) -> bytes:
    stream = zlib.decompressobj(window)
    plain = stream.decompress(message, limit + 1)
    if len(plain) > limit:
        raise UndecodableError(f"is larger than {limit} bytes when decompressed")
    if not stream.eof:
        raise UndecodableError("ends within its compressed data")
    return plain
