"""The attributes of a span, read from the bytes of their KeyValues.

Most attributes of one model's documents are the same, byte for byte: its id, its tags, their titles, the method of the
call. What was read of such bytes once is remembered; only what differs is read each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from scorelens import conventions as names
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.message_values import value_of
from scorelens_indexer.value_bytes import UnusualError, Value, read_value, whole_at

ATTRIBUTE: Final = 0x1A
"""The field of a span's event that holds an attribute."""

_KEY, _VALUE = 0x0A, 0x12  # the fields of a KeyValue

_REPEATED: Final = frozenset(
    {
        names.ANSWER_MESSAGES,
        names.DOCUMENT_ATTRIBUTE_KEYS,
        names.DOCUMENT_KIND,
        names.DOCUMENT_LANGUAGE,
        names.DOCUMENT_NUMBER,
        names.DOCUMENT_SOURCE,
        names.END_REASON,
        names.MESSAGE_NUMBER,
        names.MODEL_ID,
        names.MODEL_VERSION,
        names.PURPOSE,
        names.RECORD,
        names.REQUEST_MESSAGES,
        names.RPC_METHOD,
        names.RPC_SERVICE,
        names.RPC_STATUS_CODE,
        names.RPC_SYSTEM,
        names.SAMPLING_PROBABILITY,
        names.SCHEMA,
        names.SERVER_ADDRESS,
        names.TAG_GROUPS,
        names.TAG_IDS,
        names.TAG_THRESHOLDS,
        names.TAG_TITLES,
        names.USER_AGENT,
    }
)
"""Names of attributes that hold the same in many spans."""

_MOST_BYTES: Final = 4 * 2**20
"""Bytes of attributes that are remembered; beyond it all are forgotten and the next ones remembered."""


class _Known(dict[bytes, tuple[str, Value]]):
    """Name and value of attributes by their bytes, read when they are asked for first."""

    def __init__(self) -> None:
        super().__init__()
        self._room = _MOST_BYTES

    def __missing__(self, part: bytes) -> tuple[str, Value]:
        found = read_attribute(part)
        if found[0] in _REPEATED and len(part) < _MOST_BYTES // 64:
            if len(part) > self._room:
                self.clear()
                self._room = _MOST_BYTES
            self._room -= len(part)
            self[part] = found
        return found


_known: Final = _Known()


def read_attributes(parts: Iterable[bytes]) -> dict[str, Value]:
    """Return values by name; of a name given twice the last one counts. Nobody may change them.

    Raises PermanentError for bytes that are no attribute.
    """
    return dict(map(_known.__getitem__, parts))


def read_readable(parts: Iterable[bytes]) -> dict[str, Value]:
    """Return values by name, without those that are no attribute; never fails."""
    found: dict[str, Value] = {}
    for part in parts:
        with suppress(PermanentError):
            found |= read_attributes([part])
    return found


def read_attribute(part: bytes) -> tuple[str, Value]:
    """Return name and value of one attribute. Raises PermanentError."""
    try:
        return _read(part)
    except (UnusualError, LookupError, UnicodeDecodeError):
        return _read_message(part)


def places_of(fields: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield of each of an event's attributes, which stand together, its name and where its value begins and ends.

    Raises UnusualError.
    """
    at = 0
    while at < len(fields):
        if fields[at] != ATTRIBUTE:
            raise UnusualError
        size, start = whole_at(fields, at + 1)
        at = start + size
        if at > len(fields):
            raise UnusualError
        name, place = _split(fields, start, at)
        yield name, place, at


def _read(part: bytes) -> tuple[str, Value]:
    """Read an attribute as every serialiser writes it."""
    name, at = _split(part, 0, len(part))
    return name, read_value(part, at, len(part))


def _split(message: bytes, start: int, stop: int) -> tuple[str, int]:
    """Return the name in a KeyValue between two places, and where its value begins."""
    if message[start] != _KEY:
        raise UnusualError
    size, start = whole_at(message, start + 1)
    at = start + size
    name = message[start:at].decode()
    if message[at] != _VALUE:
        raise UnusualError
    size, at = whole_at(message, at + 1)
    if at + size != stop:
        raise UnusualError
    return name, at


def _read_message(part: bytes) -> tuple[str, Value]:
    """Read an attribute of any shape through protobuf."""
    try:
        pair = KeyValue.FromString(part)
    except DecodeError as error:
        raise PermanentError("one of the span's attributes is not an attribute of OTLP") from error
    return pair.key, value_of(pair.value)
