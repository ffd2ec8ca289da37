"""Decompression of captured messages, within a bound."""

from __future__ import annotations

import zlib

_GZIP, _ZLIB, _RAW = 31, 15, -15


class UndecodableError(ValueError):
    """A captured message that cannot be decompressed; the text says what is wrong with it."""


def decompress(message: bytes, encoding: bytes, limit: int, is_whole: bool = True) -> tuple[bytes, bool]:
    """Return a message as it was before compression, and whether that is all of it.

    It is not where only the beginning of the message is at hand (`is_whole`), or where there is more of it than `limit`
    bytes. Raises UndecodableError for what cannot be decompressed.
    """
    try:
        match encoding:
            case b"" | b"identity":
                return message, is_whole
            case b"gzip":
                return _inflate(message, _GZIP, limit, is_whole)
            case b"deflate":
                return _inflate_deflate(message, limit, is_whole)
    except zlib.error as error:
        raise UndecodableError(f"is not what {encoding.decode()} makes") from error
    raise UndecodableError(f"is compressed with {encoding.decode(errors='replace')[:40]}, which is not supported")


def _inflate_deflate(message: bytes, limit: int, is_whole: bool) -> tuple[bytes, bool]:
    # HTTP's "deflate" is the zlib format, but senders of the bare format exist.
    try:
        return _inflate(message, _ZLIB, limit, is_whole)
    except zlib.error:
        return _inflate(message, _RAW, limit, is_whole)


def _inflate(message: bytes, window: int, limit: int, is_whole: bool) -> tuple[bytes, bool]:
    stream = zlib.decompressobj(window)
    plain = stream.decompress(message, limit + 1)
    if len(plain) > limit:
        return plain[:limit], False
    if not stream.eof and is_whole:
        raise UndecodableError("ends within its compressed data")
    return plain, stream.eof
