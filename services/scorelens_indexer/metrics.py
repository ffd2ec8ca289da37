"""The metrics of an indexer."""

from __future__ import annotations

from typing import Final

from scorelens_runtime.metrics.definitions import BYTES, FAST, SECONDS, Kind, Metric

_AGES: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)

EXPORT_DURATION: Final = Metric(
    "scorelens.indexer.export.duration",
    Kind.HISTOGRAM,
    SECONDS,
    "Exports by how long their senders waited; status is gRPC's. Its count is the number of exports.",
    ("status",),
    FAST,
)
SPANS: Final = Metric(
    "scorelens.indexer.spans",
    Kind.COUNTER,
    "{span}",
    "Spans by what became of them, kept across restarts: outcome is stored, duplicate, forgotten, dead_letter, ignored "
    "or refused (their senders keep those).",
    ("outcome",),
)
DEAD_LETTERS: Final = Metric(
    "scorelens.indexer.dead_letters",
    Kind.COUNTER,
    "{span}",
    "Spans put aside since the start: reason is unreadable (the span), refused (by the store) or fault (of the "
    "indexer, whose log says more).",
    ("reason",),
)
EXPIRED: Final = Metric(
    "scorelens.indexer.records.expired", Kind.COUNTER, "{record}", "Records that retention has removed."
)
WORK_EXPORTS: Final = Metric("scorelens.indexer.work.exports", Kind.GAUGE, "{export}", "Exports in work.")
WORK_SIZE: Final = Metric("scorelens.indexer.work.size", Kind.GAUGE, BYTES, "Bytes of exports in work.")
WORK_LIMIT: Final = Metric("scorelens.indexer.work.limit", Kind.GAUGE, BYTES, "The setting --waiting-bytes.")
PUT_DURATION: Final = Metric(
    "scorelens.indexer.put.duration",
    Kind.HISTOGRAM,
    SECONDS,
    "Puts into the store by how long they took; outcome is stored, away (it is asked again) or failed.",
    ("outcome",),
    FAST,
)
STORE_UP: Final = Metric(
    "scorelens.indexer.store.up", Kind.GAUGE, "", "1 where the store took the last put, or none was tried; else 0."
)
NEWEST: Final = Metric(
    "scorelens.indexer.newest_record.time",
    Kind.GAUGE,
    SECONDS,
    "Unix time of the call (its @timestamp) of the newest record stored since the start; missing before the first.",
)
RECORD_AGE: Final = Metric(
    "scorelens.indexer.record.age",
    Kind.HISTOGRAM,
    SECONDS,
    "Exports by how old their newest record was when it was stored: how far search lags behind.",
    (),
    _AGES,
)

METRICS: Final = (
    EXPORT_DURATION,
    SPANS,
    DEAD_LETTERS,
    EXPIRED,
    WORK_EXPORTS,
    WORK_SIZE,
    WORK_LIMIT,
    PUT_DURATION,
    STORE_UP,
    NEWEST,
    RECORD_AGE,
)
"""In the order of docs/operations.md."""
