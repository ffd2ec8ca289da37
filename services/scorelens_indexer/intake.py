"""From a serialised export to stored records, dead letters and counts: what the receiver is for, without gRPC."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from scorelens_indexer.account import Account, Counts
from scorelens_indexer.budget import Budget
from scorelens_indexer.dead_letters import DeadLetters, Letter
from scorelens_indexer.errors import OverloadedError, PermanentError
from scorelens_indexer.identity import identify
from scorelens_indexer.measures import FAULT, REFUSED, UNREADABLE, Measures
from scorelens_indexer.origin import read_origin
from scorelens_indexer.otlp import Request, parse
from scorelens_indexer.records import read_record
from scorelens_indexer.time_bounds import TimeBounds
from scorelens_indexer.writer import Writer
from scorelens_runtime.turns import TURNS
from scorelens_store.contract import Outcome, PutResult, Record

_log = logging.getLogger(__name__)

_REASON_LENGTH: Final = 1000  # of an answer and a log line; names and values of a span can be as long as its export
_REPEATED_BYTES: Final = 16 * 2**20
"""What the letters of one export may repeat of their resources and scopes; later ones keep the span alone."""

_BUG: Final = "the indexer failed to read this span; its log has the cause"


class Source(NamedTuple):
    """Where a span stands in its export; `repeated` is the size of its resource and scope in bytes."""

    of_resource: Any
    of_scope: Any
    span: Any
    repeated: int


@dataclass
class Conversion:
    """What the spans of one export became; `records` and `sources` run in parallel."""

    received: int = 0
    ignored: int = 0
    records: list[Record] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    room: int = _REPEATED_BYTES

    def put_aside(self, source: Source, kind: str, reason: str) -> None:
        """Make a span a dead letter, with the resource and the scope that belong to it where there is room for them.

        `kind` is one of the reasons that are counted, `reason` is for people.
        """
        self.reasons[kind] += 1
        export = Request()
        of_resource = export.resource_spans.add(schema_url=source.of_resource.schema_url)
        of_scope = of_resource.scope_spans.add(schema_url=source.of_scope.schema_url)
        of_scope.spans.add().CopyFrom(source.span)
        if source.repeated <= self.room:
            self.room -= source.repeated
            of_resource.resource.CopyFrom(source.of_resource.resource)
            of_scope.scope.CopyFrom(source.of_scope.scope)
        self.letters.append(Letter(identify(source.span), reason, export.SerializeToString()))


@dataclass(frozen=True)
class Rejections:
    """How many spans of an export can never be stored, and why the first of them cannot."""

    spans: int
    reason: str


class Intake:
    """Takes exports in from many threads at once."""

    def __init__(
        self,
        writer: Writer,
        dead_letters: DeadLetters,
        account: Account,
        budget: Budget,
        bounds: TimeBounds,
        measures: Measures,
    ) -> None:
        self._writer, self._dead_letters, self._account, self._budget = writer, dead_letters, account, budget
        self._bounds, self._measures = bounds, measures
        self._refusing = threading.Lock()

    def accept(self, request: bytes) -> Rejections:
        """Return once everything of an export is stored or put aside.

        Raises MalformedError for what is no export, and UnavailableError or OverloadedError when the sender has to
        keep the export and send it again.
        """
        try:
            with self._budget.take(len(request)):
                return self._accept(request)
        except OverloadedError:
            with self._refusing:  # one at a time, since these are beyond the budget
                self._count_refused(sum(1 for _ in _sources(parse(request))))
            raise

    def _accept(self, request: bytes) -> Rejections:
        with self._writer.expecting(), TURNS.take():
            conversion = convert(parse(request), self._bounds)
        try:
            results = self._writer.put(conversion.records, len(request)) if conversion.records else []
            _put_rejected_aside(conversion, results)
            letters = conversion.letters
            new_letters = self._dead_letters.add(letters) if letters else 0
        except OverloadedError:
            raise
        except Exception:
            self._count_refused(conversion.received)
            raise
        self._account.add(_counts(conversion, results, len(letters), new_letters))
        self._measures.stored(conversion.records[: len(results)], results)
        for reason, count in conversion.reasons.items():
            self._measures.letters(reason, count)
        return _rejections(letters)

    def _count_refused(self, spans: int) -> None:
        self._account.add(Counts(received=spans, refused=spans))


def convert(export: Any, bounds: TimeBounds | None = None) -> Conversion:
    """Turn every span of an export (otlp.py) into a record, a dead letter, or a count of those not meant for us.

    Spans out of the bounds of time are dead letters; without bounds any time will do.
    """
    conversion = Conversion()
    now = time.time_ns()

    def within(nanoseconds: int) -> None:
        if bounds is not None:
            bounds.check(nanoseconds, now)

    origin_of: Any = None
    origin: dict[str, Any] = {}
    for source in _sources(export):
        if source.of_resource is not origin_of:
            origin_of, origin = source.of_resource, read_origin(source.of_resource.resource)
        _convert(source, origin, conversion, within)
    return conversion


def _convert(source: Source, origin: dict[str, Any], conversion: Conversion, check: Callable[[int], None]) -> None:
    conversion.received += 1
    try:
        record = read_record(source.span, origin)
        if record is not None:
            check(source.span.start_time_unix_nano)
    except PermanentError as error:
        conversion.put_aside(source, UNREADABLE, str(error))
    except Exception:
        ids = {"trace_id": source.span.trace_id.hex(), "span_id": source.span.span_id.hex()}
        _log.exception("a span could not be read", extra=ids)
        conversion.put_aside(source, FAULT, _BUG)
    else:
        if record is None:
            conversion.ignored += 1
        else:
            conversion.records.append(record)
            conversion.sources.append(source)


def _sources(export: Any) -> Iterator[Source]:
    for of_resource in export.resource_spans:
        size = of_resource.resource.ByteSize()
        for of_scope in of_resource.scope_spans:
            repeated = size + of_scope.scope.ByteSize()
            for span in of_scope.spans:
                yield Source(of_resource, of_scope, span, repeated)


def _put_rejected_aside(conversion: Conversion, results: list[PutResult]) -> None:
    for source, result in zip(conversion.sources, results, strict=True):
        if result.outcome is Outcome.REJECTED:
            conversion.put_aside(source, REFUSED, result.reason)


def _counts(conversion: Conversion, results: list[PutResult], letters: int, new_letters: int) -> Counts:
    outcomes = Counter(result.outcome for result in results)
    return Counts(
        received=conversion.received,
        stored=outcomes[Outcome.STORED],
        duplicates=outcomes[Outcome.DUPLICATE] + letters - new_letters,  # a dead letter that came again is one, too
        forgotten=outcomes[Outcome.FORGOTTEN],
        dead_letters=new_letters,
        ignored=conversion.ignored,
        unmapped_fields=sum(result.unmapped_fields for result in results),
    )


def _rejections(letters: list[Letter]) -> Rejections:
    if not letters:
        return Rejections(0, "")
    reason, first = letters[0].reason[:_REASON_LENGTH], letters[0].identity
    extra = {"spans": len(letters), "first": reason, "trace_id": first.trace_id, "span_id": first.span_id}
    _log.warning("spans were put aside as dead letters", extra=extra)
    return Rejections(len(letters), reason)
