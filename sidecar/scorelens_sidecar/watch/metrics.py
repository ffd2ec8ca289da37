"""The metrics of a sidecar."""

from __future__ import annotations

from typing import Final

from scorelens_runtime.metrics.definitions import BYTES, FAST, SECONDS, Kind, Metric

_RECORD: Final = "{record}"
_TO: Final = ("destination",)

SEEN: Final = Metric(
    "scorelens.sidecar.records.seen",
    Kind.COUNTER,
    _RECORD,
    "Call records that came into being since the destination is known: the sum of what became of them.",
    _TO,
)
ACKNOWLEDGED: Final = Metric(
    "scorelens.sidecar.records.acknowledged",
    Kind.COUNTER,
    _RECORD,
    "Call records that the destination has answered for.",
    _TO,
)
REJECTED: Final = Metric(
    "scorelens.sidecar.records.rejected",
    Kind.COUNTER,
    _RECORD,
    "Of the acknowledged: the receiver said that it did not keep them.",
    _TO,
)
DEAD_LETTERS: Final = Metric(
    "scorelens.sidecar.records.dead_letters",
    Kind.COUNTER,
    _RECORD,
    "Of the acknowledged: put aside as dead letters.",
    _TO,
)
SAMPLED_OUT: Final = Metric(
    "scorelens.sidecar.records.sampled_out",
    Kind.COUNTER,
    _RECORD,
    "Call records that --sample left out.",
    _TO,
)
DROPPED: Final = Metric(
    "scorelens.sidecar.records.dropped",
    Kind.COUNTER,
    _RECORD,
    "Call records that were lost: reason is quota, memory, disk, expired or damaged.",
    (*_TO, "reason"),
)
SPOOLED: Final = Metric(
    "scorelens.sidecar.records.spooled",
    Kind.GAUGE,
    _RECORD,
    "Call records on disk that the destination has not answered for.",
    _TO,
)
WAITING_BYTES: Final = Metric(
    "scorelens.sidecar.spool.waiting", Kind.GAUGE, BYTES, "Bytes of the spool that wait for the destination.", _TO
)
OLDEST_AGE: Final = Metric(
    "scorelens.sidecar.spool.oldest_age",
    Kind.GAUGE,
    SECONDS,
    "Age of the oldest record that waits for the destination; 0 where none does.",
    _TO,
)
ADDS_UP: Final = Metric(
    "scorelens.sidecar.account.adds_up",
    Kind.GAUGE,
    "",
    "1 where seen = acknowledged + spooled + dropped + sampled out, 0 where it does not.",
    _TO,
)
STATE: Final = Metric(
    "scorelens.sidecar.destination.state",
    Kind.GAUGE,
    "",
    "1 for the state that delivery is in: delivering, waiting (the receiver is away or busy) or alarm (somebody has to "
    "do something).",
    (*_TO, "state"),
)
FAILURES: Final = Metric(
    "scorelens.sidecar.delivery.failures",
    Kind.COUNTER,
    "{try}",
    "Tries to deliver that the destination did not take, since the shipper started.",
    _TO,
)
SPOOL_BYTES: Final = Metric("scorelens.sidecar.spool.used", Kind.GAUGE, BYTES, "Bytes of the spool on disk.")
SPOOL_QUOTA: Final = Metric("scorelens.sidecar.spool.quota", Kind.GAUGE, BYTES, "The setting --spool-bytes.")
DISK_FREE: Final = Metric(
    "scorelens.sidecar.disk.free", Kind.GAUGE, BYTES, "Bytes that the disk of the spool still takes."
)
RELAY_UP: Final = Metric("scorelens.sidecar.relay.up", Kind.GAUGE, "", "1 while the relay answers, else 0.")
RELAY_STARTED: Final = Metric(
    "scorelens.sidecar.relay.start_time", Kind.GAUGE, SECONDS, "Unix time at which the relay began to serve."
)
CONNECTIONS: Final = Metric(
    "scorelens.sidecar.connections", Kind.GAUGE, "{connection}", "Callers that are connected to the relay."
)
UPSTREAM: Final = Metric(
    "scorelens.sidecar.upstream.reached",
    Kind.GAUGE,
    "",
    "1 where the relay reached the server behind it when it last connected, or has not tried; 0 where it did not.",
)
CALL_DURATION: Final = Metric(
    "scorelens.sidecar.call.duration",
    Kind.HISTOGRAM,
    SECONDS,
    "Calls that the shipper has read from the spool, by how long they took as the relay saw it; status is gRPC's, or "
    "how the call ended without one. Its count is the number of calls. A stream counts when it has ended.",
    ("method", "status"),
    FAST,
)

METRICS: Final = (
    SEEN,
    ACKNOWLEDGED,
    REJECTED,
    DEAD_LETTERS,
    SAMPLED_OUT,
    DROPPED,
    SPOOLED,
    WAITING_BYTES,
    OLDEST_AGE,
    ADDS_UP,
    STATE,
    FAILURES,
    SPOOL_BYTES,
    SPOOL_QUOTA,
    DISK_FREE,
    RELAY_UP,
    RELAY_STARTED,
    CONNECTIONS,
    UPSTREAM,
    CALL_DURATION,
)
"""In the order of docs/operations.md."""
