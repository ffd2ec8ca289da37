"""What the relay remembers of calls, and the records it makes of them."""

from __future__ import annotations

import os
import time
from enum import Enum
from typing import Final

from scorelens import conventions
from scorelens_sidecar.captured import NO_STATUS, CapturedCall, End, Part
from scorelens_sidecar.recorder import DropReason, Recorder
from scorelens_sidecar.relay.headers import RequestHead
from scorelens_sidecar.relay.messages import NOTHING, Budget, Message, Messages
from scorelens_sidecar.relay.strip import Stripper
from scorelens_sidecar.settings import SidecarSettings

RESERVATION: Final = 64 * 2**10
"""Bytes of the spool set aside for a call that must be recorded, beyond what it already holds."""
RESOURCE_EXHAUSTED: Final = 8
UNAVAILABLE: Final = 14

_RANDOM_BITS: Final = 56  # of a trace id, as OpenTelemetry samples


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
        if self._at + size > len(self._pool):
            self._pool, self._at = os.urandom(8192), 0
        self._at += size
        return self._pool[self._at - size : self._at]


class Call:
    """One call on its way, from its headers to its end."""

    # Defaults of the class cost nothing per call.
    first_answer_us = 0
    answer_encoding = b""
    reserved = 0
    recorded_messages = 0
    window = 0  # what the upstream may send on this stream, relative to the initial window
    debt = 0  # bytes taken out of the answer that the upstream was not given back yet
    accounted = 0  # bytes held by `strip` that are taken from the budget

    def __init__(
        self,
        stream: int,
        method: Method,
        head: RequestHead,
        span_id: bytes,
        trace_id: bytes,
        request: Messages,
        answer: Messages,
    ) -> None:
        self.stream, self.method, self.head = stream, method, head
        self.span_id, self.trace_id = span_id, trace_id
        self.request, self.answer = request, answer
        self.started_ns = time.time_ns()  # Unix time
        self.began_ns = time.monotonic_ns()  # on the clock that durations are measured with
        self.sampled = True
        self.adds_view = False
        self.strip: Stripper | None = None

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
        self._recorder = recorder
        self._ids = Ids()
        self._pending: list[CapturedCall] = []
        self._to_release: list[Call] = []
        self._left_out = 0
        self._least = round((1 - settings.sample) * 2**_RANDOM_BITS)

    def open(self, stream: int, head: RequestHead) -> Call:
        """Begin to follow a call."""
        settings, method, ids = self._settings, method_of(head.path), self._ids
        trace_id = head.trace_id or ids.take(16)
        sampled = not self._least or int.from_bytes(trace_id[-_RANDOM_BITS // 8 :], "big") >= self._least
        scoring = method is Method.SCORE or method is Method.SCORE_STREAM
        keep, limit = scoring and sampled, settings.capture_limit
        messages = Messages(self.budget, limit, keep), Messages(self.budget, limit, keep)
        call = Call(stream, method, head, ids.take(8), trace_id, *messages)
        call.sampled = sampled
        if scoring:
            call.adds_view = settings.calculations and not head.full_view
            if call.adds_view or not settings.clients_may_ask:
                call.strip = Stripper(settings.rewrite_limit)
        return call

    def cover(self, call: Call) -> bool:
        """Make sure, in required mode, that the spool has room for what a call holds; False when the call must end."""
        if not self.required or not call.sampled or call.method is Method.UNSEEN:
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
        while call.answer.ready or (not call.answer.keep and call.recorded_messages < call.answer.count):
            request, answer = call.request.take(), call.answer.take()
            self._record(call, Part.MESSAGE, request, answer, End.OPEN, NO_STATUS)
            call.recorded_messages += 1

    def close(self, call: Call, end: End, status: int = NO_STATUS) -> None:
        """Record the end of a call and forget what it holds."""
        if call.method is Method.SCORE_STREAM:
            self.answered(call)
        if call.method is Method.SCORE:
            self._record(call, Part.UNARY, call.request.take(), call.answer.take(), end, status)
        elif call.method is not Method.UNSEEN:
            self._record(call, Part.CLOSING, NOTHING, NOTHING, end, status)
        if call.request.held or call.answer.held:
            call.request.release()
            call.answer.release()
        if call.accounted:
            self.budget.give(call.accounted)
            call.accounted = 0
        if call.reserved:
            self._recorder.release(call.reserved)
            call.reserved = 0

    def flush(self) -> bool:
        """Append what was recorded since the last time; False when some of it was not kept."""
        if self._left_out:
            self._recorder.sample_out(self._left_out)
            self._left_out = 0
        if not self._pending:
            return True
        records, self._pending = self._pending, []
        for call in self._to_release:
            self._recorder.release(call.reserved)
            call.reserved = 0
        self._to_release.clear()
        return self._recorder.append(records)

    def _record(self, call: Call, part: Part, request: Message, answer: Message, end: End, status: int) -> None:
        if not call.sampled:
            self._left_out += 1
            return
        if request.lost or answer.lost:
            self._recorder.drop(DropReason.MEMORY)
            return
        if part is Part.MESSAGE:
            request_size, answer_size, requests, answers = request.size, answer.size, 1, 1
            if call.reserved:
                self._to_release.append(call)
        else:
            request_size, answer_size = call.request.size, call.answer.size
            requests, answers = call.request.count, call.answer.count
        head = call.head
        self._pending.append(
            CapturedCall(
                part,
                head.path,
                call.trace_id,
                head.parent_id,
                call.span_id,
                call.started_ns,
                call.first_answer_us,
                (time.monotonic_ns() - call.began_ns) // 1000,
                status,
                end,
                call.recorded_messages,
                request.payload,
                answer.payload,
                request_size,
                answer_size,
                requests,
                answers,
                head.encoding if request.compressed else b"",
                call.answer_encoding if answer.compressed else b"",
                request.sha256,
                answer.sha256,
                head.purpose,
                head.user_agent,
                self._settings.sample,
            )
        )
