"""Decompression of captured messages, within a bound."""

from __future__ import annotations

import zlib

_GZIP, _ZLIB, _RAW = 31, 15, -15


class UndecodableError(ValueError):
    """A captured message that cannot be decoded; the text says why."""


def decompress(message: bytes, encoding: bytes, limit: int) -> bytes:
    """Return a message as it was before compression; raises UndecodableError when that would be over `limit` bytes."""
    match encoding:
        case b"" | b"identity":
            return message
        case b"gzip":
            return _inflate(message, _GZIP, limit)
        case b"deflate":
            # HTTP's "deflate" is the zlib format, but senders of the bare format exist.
            try:
                return _inflate(message, _ZLIB, limit)
            except zlib.error:
                return _inflate(message, _RAW, limit)
        case _:
            raise UndecodableError(f"compressed with {encoding.decode(errors='replace')[:40]}, which is not supported")


def _inflate(message: bytes, window: int, limit: int) -> bytes:
    stream = zlib.decompressobj(window)
    plain = stream.decompress(message, limit + 1)
    if len(plain) > limit:
        raise UndecodableError(f"larger than {limit} bytes when decompressed")
    if not stream.eof:
        raise UndecodableError("its compressed data ends early")
    return plain
