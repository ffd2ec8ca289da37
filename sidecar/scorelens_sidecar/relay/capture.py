"""What the relay remembers of calls, and the records it makes of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple, cast

from scorelens import conventions
from scorelens_sidecar.captured import NO_STATUS, CapturedCall, End, Part
from scorelens_sidecar.recorder import DropReason, Recorder
from scorelens_sidecar.relay.headers import Fields, RequestHead, request_head
from scorelens_sidecar.relay.messages import NOTHING, Budget, Message, Messages
from scorelens_sidecar.relay.strip import Stripper
from scorelens_sidecar.settings import SidecarSettings

RESERVATION: Final = 64 * 2**10
"""Bytes of the spool set aside for a call that must be recorded, beyond what it already holds."""
RESOURCE_EXHAUSTED: Final = 8
UNAVAILABLE: Final = 14

_MOST_TERMS: Final = 1024
"""Different heads of requests that are remembered; callers may make up any number."""
_RANDOM_BITS: Final = 56  # of a trace id, as OpenTelemetry samples

# Members by names of their own: on Python 3.11 an enumeration looks a member up in 0.1 us, several times per call.
_UNARY: Final = Part.UNARY
_MESSAGE: Final = Part.MESSAGE
_CLOSING: Final = Part.CLOSING
_OPEN: Final = End.OPEN

_new_record = cast("Callable[[type[CapturedCall], tuple[object, ...]], CapturedCall]", tuple.__new__)
"""Makes a record in half the time that its own constructor takes."""


class Method(Enum):
    """What is recorded of a method's calls."""

    SCORE = "one record with both messages"
    SCORE_STREAM = "a record per answer, and one at the end"
    OTHER = "one record at the end, with sizes"
    UNSEEN = "nothing"


_SCORING: Final = {
    conventions.SCORE_PATH.encode(): Method.SCORE,
    conventions.SCORE_STREAM_PATH.encode(): Method.SCORE_STREAM,
}
_UNSEEN: Final = (b"/grpc.health.v1.Health/", b"/grpc.reflection.")


def method_of(path: bytes) -> Method:
    """Tell what is recorded of calls to a path."""
    method = _SCORING.get(path)
    if method is not None:
        return method
    return Method.UNSEEN if path.startswith(_UNSEEN) else Method.OTHER


class Ids:
    """Random ids of spans and traces, read from the system many at a time."""

    def __init__(self) -> None:
        self._pool, self._at = b"", 0

    def take(self, size: int) -> bytes:
        """Return some bytes that nobody else has."""
        at = self._at
        self._at = end = at + size
        if end > len(self._pool):
            self._pool, self._at = os.urandom(8192), size
            at, end = 0, size
        return self._pool[at:end]


class Terms:
    """What a request's head says, and what follows from it for its call.

    Calls with the same head share one of these, so that whatever depends on it alone is settled once.
    """

    __slots__ = ("adds_view", "head", "is_stream", "is_unary", "scoring", "strips", "unseen")

    def __init__(self, head: RequestHead, settings: SidecarSettings) -> None:
        method = method_of(head.path)
        self.head = head
        # Booleans, as looking a member of an enumeration up takes longer than all that is done with it.
        self.is_unary, self.is_stream = method is Method.SCORE, method is Method.SCORE_STREAM
        self.unseen = method is Method.UNSEEN
        self.scoring = self.is_unary or self.is_stream
        self.adds_view = self.scoring and settings.calculations and not head.full_view
        self.strips = self.scoring and (self.adds_view or not settings.clients_may_ask)


class Request(NamedTuple):
    """What a request's header block says: what it shares with others, and what may be its own."""

    terms: Terms
    trace_id: bytes  # empty without a valid traceparent, like the parent
    parent_id: bytes


class Call:
    """One call on its way, from its headers to its end."""

    __slots__ = (
        "accounted",
        "answer",
        "answer_encoding",
        "began_ns",
        "debt",
        "first_answer_us",
        "parent_id",
        "recorded_messages",
        "request",
        "reserved",
        "sampled",
        "span_id",
        "started_ns",
        "stream",
        "strip",
        "terms",
        "trace_id",
        "window",
    )

    def __init__(
        self,
        stream: int,
        terms: Terms,
        ids: tuple[bytes, bytes, bytes],
        sampled: bool,
        messages: tuple[Messages, Messages],
    ) -> None:
        self.stream, self.terms, self.sampled = stream, terms, sampled
        self.trace_id, self.parent_id, self.span_id = ids
        self.request, self.answer = messages
        self.strip: Stripper | None = None  # made when the answer comes in anything but whole plain messages
        self.started_ns = time.time_ns()  # Unix time
        self.began_ns = time.monotonic_ns()  # on the clock that durations are measured with
        self.first_answer_us = 0
        self.answer_encoding = b""
        self.recorded_messages = 0
        self.reserved = 0
        self.window = 0  # what the upstream may send on this stream, relative to the initial window
        self.debt = 0  # bytes taken out of the answer that the upstream was not given back yet
        self.accounted = 0  # bytes held by `strip` that are taken from the budget

    @property
    def holding(self) -> int:
        """Bytes of payload that wait to be recorded."""
        return self.request.held + self.answer.held


class Capture:
    """Opens calls, makes records of them, and appends the records of one read at once.

    One for the whole process; everything runs on one thread.
    """

    def __init__(self, settings: SidecarSettings, recorder: Recorder) -> None:
        self.budget = Budget(settings.capture_memory)
        self.required = settings.mode == "required"
        self._settings = settings
        self._limit, self._rewrite_limit, self._sample = (
            settings.capture_limit,
            settings.rewrite_limit,
            settings.sample,
        )
        self._recorder = recorder
        self._terms: dict[RequestHead, Terms] = {}
        self._ids = Ids()
        self.pending: list[CapturedCall] = []
        self._to_release: list[Call] = []
        self._least = round((1 - settings.sample) * 2**_RANDOM_BITS)

    def request(self, fields: Fields) -> Request:
        """Tell what a request's header fields mean for its call."""
        head, (trace_id, parent_id) = request_head(fields)
        terms = self._terms.get(head)
        if terms is None:
            if len(self._terms) >= _MOST_TERMS:
                self._terms.clear()
            terms = self._terms[head] = Terms(head, self._settings)
        return Request(terms, trace_id, parent_id)

    def open(self, stream: int, request: Request) -> Call:
        """Begin to follow a call."""
        terms, trace_id, parent_id = request
        if trace_id:
            ids = trace_id, parent_id, self._ids.take(8)
        else:
            both = self._ids.take(24)
            ids = both[:16], parent_id, both[16:]
        sampled = not self._least or int.from_bytes(ids[0][-_RANDOM_BITS // 8 :], "big") >= self._least
        keep, limit, budget = terms.scoring and sampled, self._limit, self.budget
        messages = Messages(budget, limit, keep), Messages(budget, limit, keep)
        return Call(stream, terms, ids, sampled, messages)

    def stripper(self, call: Call) -> Stripper:
        """Begin to strip a call's answer piece by piece."""
        call.strip = Stripper(self._rewrite_limit, call.answer_encoding)
        return call.strip

    def cover(self, call: Call) -> bool:
        """Make sure, in required mode, that the spool has room for what a call holds; False when the call must end."""
        if not self.required or not call.sampled or call.terms.unseen:
            return True
        if call.request.lost or call.answer.lost:
            return False
        short = call.holding + RESERVATION // 2 - call.reserved
        if short <= 0:
            return True
        size = max(short, RESERVATION)
        if not self._recorder.reserve(size):
            return False
        call.reserved += size
        return True

    def answered(self, call: Call) -> None:
        """Record the whole answer messages of a streaming call so far, each with the request it answers."""
        while call.answer.waiting or (not call.answer.keep and call.recorded_messages < call.answer.count):
            request, answer = call.request.take(), call.answer.take()
            self._record(call, _MESSAGE, request, answer, _OPEN, NO_STATUS)
            call.recorded_messages += 1

    def close(self, call: Call, end: End, status: int = NO_STATUS) -> None:
        """Record the end of a call and forget what it holds."""
        terms, request, answer = call.terms, call.request, call.answer
        if terms.is_unary:
            self._record(call, _UNARY, request.take(), answer.take(), end, status)
        elif terms.is_stream:
            self.answered(call)
        if not terms.is_unary and not terms.unseen:
            self._record(call, _CLOSING, NOTHING, NOTHING, end, status)
        if request.held or answer.held:
            request.release()
            answer.release()
        if call.accounted:
            self.budget.give(call.accounted)
            call.accounted = 0
        if call.reserved:
            self._recorder.release(call.reserved)
            call.reserved = 0

    def flush(self) -> bool:
        """Append what was recorded since the last time; False when some of it was not kept."""
        if not self.pending:
            return True
        records, self.pending = self.pending, []
        if self._to_release:
            for call in self._to_release:
                self._recorder.release(call.reserved)
                call.reserved = 0
            self._to_release.clear()
        return self._recorder.append(records)

    def _record(self, call: Call, part: Part, request: Message, answer: Message, end: End, status: int) -> None:
        if not call.sampled:
            self._recorder.sample_out()
            return
        if request.lost or answer.lost:
            self._recorder.drop(DropReason.MEMORY)
            return
        if part is _MESSAGE:
            request_size, answer_size, requests, answers = request.size, answer.size, 1, 1
            if call.reserved:
                self._to_release.append(call)
        else:
            request_size, answer_size = call.request.size, call.answer.size
            requests, answers = call.request.count, call.answer.count
        head = call.terms.head
        record = (
            part,
            end,
            call.trace_id,
            call.span_id,
            call.started_ns,
            call.first_answer_us,
            (time.monotonic_ns() - call.began_ns) // 1000,
            status,
            call.recorded_messages,
            request_size,
            answer_size,
            requests,
            answers,
            self._sample,
            head.path,
            call.parent_id,
            head.encoding if request.compressed else b"",
            call.answer_encoding if answer.compressed else b"",
            request.sha256,
            answer.sha256,
            head.purpose,
            head.user_agent,
            request.payload,
            answer.payload,
        )
        self.pending.append(_new_record(CapturedCall, record))
