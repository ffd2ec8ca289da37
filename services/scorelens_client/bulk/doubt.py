"""Batches that were sent by a run that died before it noted their answers: what the store knows of them.

Every call has a trace that follows from its rows, so its records can be asked for. Once everything the sidecar has seen
is in the store, a document without a record was not scored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from scorelens_client.bulk.batches import Bad, Batch, Line, Scored
from scorelens_client.bulk.outcome import of_record
from scorelens_client.bulk.pieces import pieces, trace_id
from scorelens_reading.naming import named
from scorelens_store.contract import Reader, Selection

Answers = dict[int, Scored]
"""Outcomes by the row of the document."""

TRACES_TOGETHER = 200
GRACE = 2.0
"""Seconds in which a call that was on its way when the run died is recorded."""
PATIENCE = 30.0
"""Longest wait, in seconds, in which nothing more reaches the store."""
PAUSE = 1.0


@dataclass(frozen=True)
class Calls:
    """How many calls a sidecar saw, and how many of them have not reached the store yet."""

    seen: int
    spooled: int

    @property
    def done(self) -> int:
        """Calls that are with the store, or will never be."""
        return self.seen - self.spooled


def look_up(
    run: str,
    batches: Sequence[Batch],
    search: Callable[[Callable[[Reader], Answers]], Answers],
    calls: Callable[[], Calls | None],
    say: Callable[[int], None] = lambda _: None,
    patience: float = PATIENCE,
) -> tuple[Answers, bool]:
    """Return the answers that the store has, and whether it can have no further ones.

    `search` opens the store and asks it; `calls` says how many the sidecar saw, None where nobody knows. Calls reach
    the store in the order in which they ended, so those that ended before this one asked are waited for, as long as
    some arrive within `patience` seconds; `say` is told how many are left.
    """
    wanted = sum(len(batch.lines) for batch in batches)
    answers = search(lambda reader: _answers(reader, run, batches))
    if len(answers) < wanted:
        time.sleep(GRACE)
        settled = _wait(calls, say, patience)
        answers = search(lambda reader: _answers(reader, run, batches))
        return answers, settled or len(answers) == wanted
    return answers, True


def _wait(calls: Callable[[], Calls | None], say: Callable[[int], None], patience: float) -> bool:
    first = calls()
    done, since = -1, time.monotonic()
    while (now := calls()) and first and now.done < first.seen:
        if now.done > done:
            done, since = now.done, time.monotonic()
        if time.monotonic() - since > patience:
            return False
        say(first.seen - now.done)
        time.sleep(PAUSE)
    return first is not None and now is not None


def divide(batch: Batch, answers: Answers) -> Iterator[Batch]:
    """Yield a batch as consecutive ones that are answered, and ones that are not."""
    everything: list[Line | Bad] = [*batch.lines, *batch.bad]
    items = sorted(everything, key=lambda item: item.number)
    part: list[Line | Bad] = []
    for item in items:
        if part and isinstance(item, Line) and _answered(part, answers) not in (None, item.number in answers):
            yield _batch(part, batch, answers)
            part = []
        part.append(item)
    if part:
        yield _batch(part, batch, answers)


def _answers(reader: Reader, run: str, batches: Sequence[Batch]) -> Answers:
    answers: Answers = {}
    whole = [(batch, 0, len(batch.lines)) for batch in batches if batch.lines]
    _ask(reader, run, iter(whole), answers)
    for batch in batches:
        if any(line.number not in answers for line in batch.lines):
            parts = ((batch, start, count) for start, count in islice(pieces(0, len(batch.lines)), 1, None))
            _ask(reader, run, parts, answers)
    return answers


def _ask(reader: Reader, run: str, parts: Iterator[tuple[Batch, int, int]], answers: Answers) -> None:
    while together := list(islice(parts, TRACES_TOGETHER)):
        lines = {
            trace_id(run, batch.lines[start].number, count): batch.lines[start : start + count]
            for batch, start, count in together
        }
        for record in reader.scan(Selection(named("trace.id", *lines), purposes=(), calls=True)):
            number = (record.get("document") or {}).get("number")
            scored = lines[record["trace"]["id"]]
            if number is not None and number < len(scored) and record.get("score"):
                answers.setdefault(scored[number].number, of_record(scored[number], record))


def _answered(part: Sequence[Line | Bad], answers: Answers) -> bool | None:
    return next((item.number in answers for item in part if isinstance(item, Line)), None)


def _batch(part: Sequence[Line | Bad], batch: Batch, answers: Answers) -> Batch:
    lines = [item for item in part if isinstance(item, Line)]
    bad = [item for item in part if isinstance(item, Bad)]
    known = [answers[line.number] for line in lines] if _answered(part, answers) else None
    return Batch(lines, bad, part[-1].number, batch.read, known)
