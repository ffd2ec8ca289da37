"""An OTLP receiver as a destination: spans out in exports, and what to do about each answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import count

import grpc

from scorelens_sidecar.dead_letters import DeadLetter, DeadLetters, now
from scorelens_sidecar.shipper.backoff import Backoff
from scorelens_sidecar.shipper.destination import Outcome, Parcel, StalledError
from scorelens_sidecar.shipper.health import Health
from scorelens_sidecar.shipper.receiver import Accepted, Export, Receiver
from scorelens_sidecar.shipper.stopping import Stop, Stopped
from scorelens_sidecar.shipper.verdict import Failure, Refuse, Split, Wait, judge
from scorelens_sidecar.spans import DecodedCall, EncodedSpan, encode, encode_request

DOUBTFUL_TRIES = 5
"""How often a single span is sent that the receiver refuses for what may be its own fault."""
LOOK = 0.1
"""Seconds between looks at whether to stop, while the receiver has not answered."""
SPAN_OVERHEAD = 8
"""Bytes that a span takes in a request beside its own."""

PATIENCE = 60.0
"""Seconds of waiting after which the spool is asked whether the records are still wanted."""

Spans = Parcel[EncodedSpan]

_log = logging.getLogger(__name__)


class OtlpDestination:
    """Exports spans until the receiver has them, one export at a time."""

    def __init__(
        self,
        receiver: Receiver,
        resource: bytes,
        server_address: str,
        letters: DeadLetters,
        health: Health,
        stop: Stop,
    ) -> None:
        self.name = receiver.name
        self._receiver, self._resource, self._server_address = receiver, resource, server_address
        self._letters, self._health, self._stop = letters, health, stop
        self._backoff = Backoff()
        self._in_flight: Export | Failure | None = None
        self._most_bytes = 0  # the receiver's own limit, once it has refused a size; 0 while none is known

    def convert(self, decoded: DecodedCall) -> Iterator[tuple[EncodedSpan, int]]:
        """Yield the spans of a call."""
        for span in encode(decoded, self._server_address):
            yield span, len(span.data) + SPAN_OVERHEAD

    def start(self, parcels: Sequence[Spans]) -> None:
        """Send an export, unless it is larger than the receiver is known to take; then `finish` sends its parts."""
        self._in_flight = None if self._is_too_large(parcels) else self._send(parcels)

    def finish(self, parcels: Sequence[Spans]) -> Outcome:
        """Send until every span is taken or put aside."""
        rejected, dead = 0, set()
        parts = [list(parcels)]
        while parts:
            part = parts.pop()
            answer = self._deliver(part)
            if isinstance(answer, Accepted):
                rejected += answer.rejected
            elif len(part) > 1:
                parts += _halves(part)
            else:
                self._put_aside(part[0], answer)
                dead.add(part[0].sequence)
        return Outcome(rejected, frozenset(dead))

    def acknowledged(self, *, caught_up: bool = False) -> None:
        """Nothing is kept here."""

    def close(self) -> None:
        """Close the connection."""
        self._receiver.close()

    def _deliver(self, part: Sequence[Spans]) -> Accepted | Split | Refuse:
        """Send spans until the receiver has decided about them."""
        patience = time.monotonic() + PATIENCE
        for tries in count(1):
            if self._in_flight is None and self._is_too_large(part):
                return Split("larger than the receiver takes")
            answer = self._exchange(part)
            if isinstance(answer, Accepted):
                self._accepted(part, answer)
                return answer
            verdict = judge(answer, _size(part))
            if isinstance(verdict, Refuse) and verdict.doubtful and len(part) == 1 and tries < DOUBTFUL_TRIES:
                verdict = Wait(verdict.reason, alarm=True)
            if not isinstance(verdict, Wait):
                self._learn(verdict, part)
                return verdict
            self._wait(verdict, answer)
            if time.monotonic() > patience:
                raise StalledError
        raise AssertionError

    def _is_too_large(self, part: Sequence[Spans]) -> bool:
        return len(part) > 1 and 0 < self._most_bytes < _size(part)

    def _exchange(self, part: Sequence[Spans]) -> Accepted | Failure:
        export, self._in_flight = self._in_flight, None
        return self._await(export or self._send(part))

    def _send(self, part: Sequence[Spans]) -> Export | Failure:
        request = encode_request(self._resource, [parcel.item.data for parcel in part])
        try:
            return self._receiver.start(request)
        except OSError as error:
            return Failure(grpc.StatusCode.UNAVAILABLE, f"the certificate file cannot be read: {error.strerror}")

    def _await(self, export: Export | Failure) -> Accepted | Failure:
        if isinstance(export, Failure):
            return export
        while True:
            answer = export.wait(LOOK)
            if answer is not None:
                return answer
            if self._stop.is_over():
                export.cancel()
                raise Stopped

    def _accepted(self, part: Sequence[Spans], answer: Accepted) -> None:
        self._backoff.reset()
        self._health.delivered(items=len(part) - answer.rejected, rejected=answer.rejected)
        if answer.rejected:
            _log.warning(
                "the receiver rejected spans for good",
                extra={"destination": self.name, "spans": answer.rejected, "reason": answer.message[:300]},
            )

    def _wait(self, verdict: Wait, failure: Failure) -> None:
        self._health.failed(verdict.reason, alarm=verdict.alarm)
        if verdict.alarm or failure.code is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._receiver.reconnect()
        self._stop.sleep(max(verdict.seconds or 0.0, 0.0) or self._backoff.next())

    def _learn(self, verdict: Split | Refuse, part: Sequence[Spans]) -> None:
        if isinstance(verdict, Split):
            self._most_bytes = max(_size(part) // 2, max(parcel.size for parcel in part))
            extra = {"destination": self.name, "bytes": _size(part), "reason": verdict.reason}
            _log.warning("the receiver takes less at once, exports become smaller", extra=extra)

    def _put_aside(self, parcel: Spans, verdict: Split | Refuse) -> None:
        span = parcel.item
        self._letters.append(
            [
                DeadLetter(
                    now(),
                    verdict.reason,
                    span.record_id,
                    span.document_id,
                    span.trace_id,
                    span.span_id,
                    self.name,
                    parcel.sequence,
                    span.customer_id,
                )
            ]
        )
        self._health.delivered(dead_letters=1)
        _log.error(
            "a record can never be stored, see the dead letters",
            extra={
                "destination": self.name,
                "sequence": parcel.sequence,
                "reason": verdict.reason,
                "trace_id": span.trace_id,
                "span_id": span.span_id,
            },
        )


def _size(parcels: Sequence[Spans]) -> int:
    return sum(parcel.size for parcel in parcels)


def _halves(parcels: Sequence[Spans]) -> tuple[list[Spans], list[Spans]]:
    """Return the second and the first half, so that the first one is on top of a stack."""
    middle = len(parcels) // 2
    return list(parcels[middle:]), list(parcels[:middle])
