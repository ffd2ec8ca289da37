"""Records of the spool without the documents that are to be forgotten. Pure: bytes in, as many bytes out.

A document goes from both messages of its call. Compressed messages are compressed again; where that takes more room
than there is, or a message cannot be read and has the id in it, both messages go as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from scorelens.v1.scorer_pb2 import ScoreRequest, ScoreResponse
from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.forgetting.messages import (
    UnreadableError,
    blank_documents,
    compressed_again,
    filler,
    without_documents,
)
from scorelens_sidecar.forgetting.wanted import Wanted
from scorelens_sidecar.spans.beginning import read_beginning
from scorelens_sidecar.spans.compression import UndecodableError, decompress
from scorelens_sidecar.spans.decode import SIDES
from scorelens_sidecar.spans.identity import identify

LARGEST_MESSAGE = 2**30
"""Most bytes that a compressed message may grow to."""
PLAIN = (b"", b"identity")
_SEARCHED = 16
"""Looking for so many ids in bytes costs less than decoding them."""
_KINDS: dict[str, Any] = {"request": ScoreRequest, "answer": ScoreResponse}


@dataclass(frozen=True, slots=True)
class Blanked:
    """A record's body with blanks, and how many documents they take the place of; `whole`, that others went as well."""

    body: bytes
    documents: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Message:
    """A captured message as it was before compression; `parsed` is None where it cannot be read."""

    side: str
    kept: bytes
    encoding: bytes
    plain: bytes
    parsed: Any
    is_whole: bool


class Blanking:
    """Takes wanted documents out of records."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        ids = [one.encode(errors="surrogatepass") for one in wanted.document | wanted.customer]
        self._ids = ids
        # Record ids are made of a record's place; they stand nowhere in its bytes.
        self._searches = len(ids) <= _SEARCHED and not wanted.record

    def blank(self, call: CapturedCall, body: bytes) -> Blanked | None:
        """Return a record without what is wanted; None where there is nothing of it. `body` holds the call's bytes."""
        if not (call.request or call.answer) or not self._may_concern(call):
            return None
        messages = [_read(call, side) for side in SIDES]
        numbers = self._numbers(call, messages)
        if not numbers and not any(self._hides(message) for message in messages):
            return None
        try:
            changed = {message.side: _blanked(message, numbers) for message in messages}
        except UnreadableError:
            return Blanked(_with(body, call, {each.side: _nothing(each) for each in messages}), len(numbers), True)
        if all(changed[side] == getattr(call, side) for side in SIDES):
            return None  # blanked before
        return Blanked(_with(body, call, changed), len(numbers))

    def _may_concern(self, call: CapturedCall) -> bool:
        if not self._searches or call.request_encoding not in PLAIN or call.answer_encoding not in PLAIN:
            return True
        return any(one in call.request or one in call.answer for one in self._ids)

    def _numbers(self, call: CapturedCall, messages: list[_Message]) -> frozenset[int]:
        """Return the places of wanted documents among those of the call."""
        found, count = set(), 0
        for message in messages:
            for number, (document_id, customer_id) in _ids_of(message):
                count = max(count, number + 1)
                if self._wanted.matches("", document_id, customer_id):
                    found.add(number)
        if self._wanted.record:
            place = call.trace_id, call.span_id, call.message_number
            found |= {number for number in range(count) if identify(*place, number).record_id in self._wanted.record}
        return frozenset(found)

    def _hides(self, message: _Message) -> bool:
        """Tell whether what cannot be read has a wanted id in it, or may have."""
        if message.parsed is not None or not self._ids or not any(message.kept):
            return False
        return message.encoding not in PLAIN or any(one in message.plain for one in self._ids)


def _read(call: CapturedCall, side: str) -> _Message:
    kept, encoding = getattr(call, side), getattr(call, f"{side}_encoding")
    is_kept_whole = not getattr(call, f"{side}_sha256")
    plain, parsed, is_whole = kept, None, is_kept_whole
    try:
        plain, is_whole = decompress(kept, encoding, LARGEST_MESSAGE, is_kept_whole) if kept else (b"", True)
        kind = _KINDS[side]
        parsed = kind.FromString(plain) if is_whole else read_beginning(kind, plain)
    except (UndecodableError, DecodeError):
        pass
    return _Message(side, kept, encoding, plain, parsed, is_whole)


def _ids_of(message: _Message) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield the ids of documents and customers by the document's place; the same place may come several times."""
    if message.parsed is None:
        return
    if message.side == "request":
        for number, document in enumerate(message.parsed.documents):
            yield number, (document.id, document.customer_id)
        return
    for parts in (message.parsed.results, message.parsed.calculations.documents):
        for number, part in enumerate(parts):
            yield number, (part.document_id, "")


def _blanked(message: _Message, numbers: Collection[int]) -> bytes:
    if message.parsed is None:
        raise UnreadableError("cannot be read")
    if message.encoding in PLAIN:
        return blank_documents(message.plain, message.side, numbers)
    # Compressed, the message need not be as long as before, and fits the better the shorter it is.
    blanked = without_documents(message.parsed, message.side, numbers)
    if blanked == message.parsed:
        return message.kept
    blanked = blanked.SerializeToString()
    return compressed_again(blanked, message.encoding, len(message.kept), ends=message.is_whole)


def _nothing(message: _Message) -> bytes:
    """Return a message without documents, as long as it was."""
    size = len(message.kept)
    try:
        if message.encoding in (b"gzip", b"deflate"):
            return compressed_again(b"", message.encoding, size, ends=True)
        if message.encoding in PLAIN:
            return filler(size)
    except UnreadableError:
        pass
    return bytes(size)


def _with(body: bytes, call: CapturedCall, messages: dict[str, bytes]) -> bytes:
    """Put messages in the place of those at the end of a record's body.

    A hash of a whole message of which only the beginning was kept tells too much of what was forgotten: it is replaced.
    """
    kept = len(body) - len(call.request) - len(call.answer)
    head = body[:kept]
    for side in SIDES:
        digest = getattr(call, f"{side}_sha256")
        if digest and messages[side] != getattr(call, side):
            head = head.replace(digest, hashlib.sha256(messages[side]).digest()[: len(digest)].ljust(len(digest)))
    return head + messages["request"] + messages["answer"]
